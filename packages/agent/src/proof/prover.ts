import { setTimeout as sleep } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ProcessIdentity } from "@ringwall/model";
import { PROOF_ITEMS_MAX, type ProofReportSchema } from "@ringwall/protocol/agent";
import type { Kernel, ProofEvent } from "../kernel/contract.ts";
import { CALL_TIMEOUT_MS, type ControllerClient } from "../session/client.ts";
import { learn } from "./knowledge.ts";
import { nameFault } from "./name-fault.ts";
import { createNumbering, type Numbering } from "./numbering.ts";
import { loadOwnKeys, type OwnKeys, type OwnKeysParts } from "./own-keys.ts";
import { peerState } from "./pair-keys.ts";
import { createPeerWriter, type PeerWriter } from "./peer-writer.ts";
import { createProofClock, type ProofClock } from "./proof-clock.ts";
import { createCountReader } from "./proof-counts.ts";
import { loadKnowledge, type ProofKnowledge, saveKnowledge } from "./proof-store.ts";

/** Milliseconds between two keys of this host. */
export const KEY_PERIOD_MS = 24 * 3_600_000;
/** Numbers of this host's software that are known here before the controller tells everybody. */
const OWN_NUMBERS_MAX = 4096;
/** Milliseconds that a policy waits for the keys of its peers. */
const READY_MS_MAX = 2000;
/** Numbers that were asked for and not found are asked for again after this, milliseconds. */
const ASK_AGAIN_MS = 2000;
type Counts = MessageInitShape<typeof ProofReportSchema>["counts"] & {};
const NO_COUNTS = { counts: () => [], datagramCounts: () => [] };
const CALL = { timeoutMs: CALL_TIMEOUT_MS };

export type ProverParts = OwnKeysParts & {
  readonly kernel: Kernel;
  /** This host's clock, which may jump. */
  readonly nowMs: () => number;
  readonly identities: () => Iterable<readonly [id: number, identity: ProcessIdentity]>;
  /** Makes the policy in force know a number; resolves when the kernel judges by it. */
  readonly admitRemote: (number: number, identity: ProcessIdentity) => Promise<void>;
  /** Once for each new fault of a peer, and for a clock that is off. */
  readonly onFault: (message: string) => void;
};

/** This host's part of the proof of software (docs/proof.md): keys, numbers, and what is known of the fleet. */
export type Prover = {
  readonly directory: () => Iterable<readonly [number: number, identity: ProcessIdentity]>;
  /** The connection stands: offers keys, asks for numbers and for what changed. Throws what the connection threw. */
  readonly greet: () => Promise<void>;
  /** Keys before the policy that asks for them: resolves when this connection's greeting is through, or after a while. */
  readonly ready: () => Promise<void>;
  readonly fetch: (numbers?: readonly number[]) => Promise<void>;
  readonly heard: (controllerMs: bigint) => void;
  /** An identity was met: it gets its number soon. */
  readonly met: (id: number, identity: ProcessIdentity) => void;
  /** Identities were given back: they have no number any more. */
  readonly dismiss: (ids: ReadonlySet<number>) => void;
  readonly onEvent: (event: ProofEvent) => Promise<void>;
  /** Turns the keys where due, asks for numbers, tells what was counted. Once a second. */
  readonly tick: () => Promise<void>;
};

/** Goes on by what an earlier agent saved, until the controller is heard. */
export async function createProver(parts: ProverParts): Promise<Prover> {
  const { kernel, stateDir } = parts;
  const known = await loadKnowledge(stateDir);
  const clockParts = { nowMs: parts.nowMs, bootNs: () => kernel.bootNs(), onFault: parts.onFault };
  const clock = createProofClock(clockParts, kernel.proof.epochOffsetNs(), known.clockMs);
  const keys = await loadOwnKeys({ ...parts, nowMs: clock.nowMs });
  const prover = new StoredProver(parts, keys, clock, known);
  await prover.begin();
  return prover;
}

class StoredProver implements Prover {
  readonly #parts: ProverParts;
  readonly #keys: OwnKeys;
  readonly #clock: ProofClock;
  readonly #peers: PeerWriter;
  readonly #numbering: Numbering;
  readonly #readCounts;
  readonly #readDatagramCounts;
  readonly #own = new Map<number, ProcessIdentity>();
  readonly #askedMs = new Map<number, number>();
  readonly #told = new Set<string>();
  #known: ProofKnowledge;
  /** What a restart would go on by, and what the controller was told of that on this connection. */
  #savedVersion: bigint;
  #isSaved = true;
  #toldVersion: bigint | null = null;
  #heardGeneration = 0;
  #connected = false;
  #tail: Promise<unknown> = Promise.resolve();
  #greeting: Promise<unknown> = Promise.resolve();

  constructor(parts: ProverParts, keys: OwnKeys, clock: ProofClock, known: ProofKnowledge) {
    const { workload, client } = parts;
    this.#parts = parts;
    this.#keys = keys;
    this.#clock = clock;
    this.#known = known;
    this.#savedVersion = known.version;
    this.#peers = createPeerWriter(parts);
    const onNumber = this.#setNumber.bind(this);
    this.#numbering = createNumbering({ workload, client, onNumber });
    this.#readCounts = createCountReader(this.#peers.ownerOf);
    this.#readDatagramCounts = createCountReader(this.#peers.ownerOf);
  }

  async begin(): Promise<void> {
    await this.#writeAll();
    this.#peers.keepOnly([...this.#known.peers.values()]);
    this.#configure();
  }

  *directory() {
    yield* this.#known.directory;
    for (const entry of this.#own) if (!this.#known.directory.has(entry[0])) yield entry;
  }

  greet(): Promise<void> {
    this.#connected = true;
    this.#toldVersion = null;
    this.#keys.forgetOffer();
    for (const [id, identity] of this.#parts.identities()) this.#numbering.meet(id, identity);
    const done = this.#greet();
    this.#greeting = done.catch(() => undefined);
    return done;
  }

  async ready(): Promise<void> {
    await Promise.race([this.#greeting, sleep(READY_MS_MAX)]);
  }

  fetch(numbers: readonly number[] = []): Promise<void> {
    return this.#inTurn(() => this.#fetch(numbers));
  }

  heard(controllerMs: bigint): void {
    if (controllerMs === 0n) return;
    this.#clock.heard(controllerMs);
    this.#known = { ...this.#known, clockMs: this.#clock.aheadMs() };
    this.#configure();
  }

  met(id: number, identity: ProcessIdentity): void {
    this.#numbering.meet(id, identity);
    this.#numbering.ask().catch(() => undefined);
  }

  dismiss(ids: ReadonlySet<number>): void {
    this.#numbering.dismiss(ids);
  }

  async onEvent(event: ProofEvent): Promise<void> {
    if (event.fault === "number") await this.#ask(event.word & 0x0fff_ffff);
    else this.#tell(event);
  }

  async tick(): Promise<void> {
    const { kernel } = this.#parts;
    const client = this.#parts.client();
    if (client === null) return this.#disconnect();
    await this.#inTurn(this.#keys.offer);
    await this.#inTurn(() => this.#turnIfDue());
    await this.#inTurn(this.#keys.offer);
    await this.#numbering.ask();
    // On a disk that was full it was not saved yet.
    await this.#inTurn(() => this.#save()).catch(() => undefined);
    // Without peers there is nothing to count, and to see that the kernel goes through all of both maps.
    const { counts: tcp, datagramCounts } = this.#known.peers.size === 0 ? NO_COUNTS : kernel.proof;
    const counts = [
      ...this.#readCounts(tcp()).map((one) => ({ ...one, datagrams: false })),
      ...this.#readDatagramCounts(datagramCounts()).map((one) => ({ ...one, datagrams: true })),
    ];
    await this.#report(client, counts);
  }

  /** Also what this agent goes on by: keys of others wait for that. */
  async #report(client: ControllerClient, counts: Counts = []): Promise<void> {
    const version = this.#savedVersion;
    if (counts.length === 0 && version === this.#toldVersion) return;
    await client.service.reportProofs({ workload: this.#parts.workload, counts, version }, CALL);
    this.#toldVersion = version;
  }

  /** One change of keys or knowledge at a time, in order. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work, work);
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async #greet(): Promise<void> {
    await this.#inTurn(this.#keys.offer);
    await this.fetch();
    await this.#numbering.ask();
  }

  #disconnect(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#configure();
  }

  #configure(): void {
    this.#parts.kernel.proof.configure({
      on: this.#known.peers.size > 0,
      numbered: this.#connected,
      epochOffsetNs: this.#clock.offsetNs(),
    });
  }

  async #turnIfDue(): Promise<void> {
    if (await this.#keys.turnIfDue(this.#heardGeneration)) await this.#writeAll();
  }

  #writeAll(): Promise<void> {
    return this.#peers.write([...this.#known.peers.values()], this.#keys.ring());
  }

  async #fetch(numbers: readonly number[]): Promise<void> {
    const { workload, admitRemote } = this.#parts;
    const client = this.#parts.client();
    if (client === null) return;
    const { version } = this.#known;
    const request = { workload, version, numbers: numbers.slice(0, PROOF_ITEMS_MAX) };
    const answer = await client.service.fetchProof(request, CALL);
    const { known, gone, changed, identities } = learn(this.#known, answer);
    this.#known = known;
    this.#peers.erase(gone, known.peers);
    await this.#peers.write(changed, this.#keys.ring());
    this.#configure();
    for (const [number, identity] of identities) await admitRemote(number, identity);
    this.#numbering.heard(answer, this.#parts.identities());
    this.#heardGeneration = Math.max(
      this.#heardGeneration,
      answer.heardGeneration ?? Number.POSITIVE_INFINITY,
    );
    this.#isSaved &&= known.version === version && identities.length === 0;
    await this.#save();
    // The next tick tells it where this fails.
    if (changed.length > 0) this.#report(client).catch(() => undefined);
  }

  async #save(): Promise<void> {
    if (this.#isSaved) return;
    const known = this.#known;
    await saveKnowledge(this.#parts.stateDir, known);
    this.#savedVersion = known.version;
    this.#isSaved = true;
  }

  async #setNumber(id: number, given: number, identity: ProcessIdentity): Promise<void> {
    await this.#knowOwn(given, identity);
    this.#parts.kernel.proof.setNumber(id, given);
  }

  /** Containers that this host carries prove to each other: who reads the number is this very kernel, and at once. */
  async #knowOwn(given: number, identity: ProcessIdentity): Promise<void> {
    const { workload, admitRemote } = this.#parts;
    const { peers, directory } = this.#known;
    if (!peers.has(workload) || directory.has(given) || this.#own.size >= OWN_NUMBERS_MAX) return;
    this.#own.set(given, identity);
    await admitRemote(given, identity);
  }

  async #ask(unknown: number): Promise<void> {
    const nowMs = this.#parts.nowMs();
    const isAsked = nowMs - (this.#askedMs.get(unknown) ?? 0) < ASK_AGAIN_MS;
    // 0 is nobody's: the other end has no number yet.
    if (unknown === 0 || this.#known.directory.has(unknown) || isAsked) return;
    if (this.#askedMs.size > PROOF_ITEMS_MAX) this.#askedMs.clear();
    this.#askedMs.set(unknown, nowMs);
    await this.fetch([unknown]);
  }

  #tell(event: ProofEvent): void {
    const { workload, onFault } = this.#parts;
    const name = this.#peers.ownerOf(event.source) ?? "";
    const peer = this.#known.peers.get(name);
    const keyOf = (phases: number) =>
      peer === undefined ? null : (peerState(workload, this.#keys.ring(), peer).verify[phases] ?? null);
    const { message } = nameFault(event, name, keyOf);
    if (this.#told.has(message)) return;
    if (this.#told.size > PROOF_ITEMS_MAX) this.#told.clear();
    this.#told.add(message);
    onFault(message);
  }
}
