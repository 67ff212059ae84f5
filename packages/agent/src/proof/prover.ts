import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import type { ProcessIdentity } from "@ringwall/model";
import { PROOF_ITEMS_MAX } from "@ringwall/protocol/agent";
import type { Kernel, ProofEvent } from "../kernel/contract.ts";
import { toProcess } from "../observe/process-message.ts";
import type { ControllerClient } from "../session/client.ts";
import { CALL_TIMEOUT_MS } from "../session/client.ts";
import { type KeyRing, turnKeyRing } from "./key-ring.ts";
import { publicKeyOf } from "./keys.ts";
import { learn } from "./knowledge.ts";
import { nameFault } from "./name-fault.ts";
import { type ProofPeer, peerState } from "./pair-keys.ts";
import { createCountReader } from "./proof-counts.ts";
import { loadKeyRing, loadKnowledge, saveKeyRing, saveKnowledge } from "./proof-store.ts";

/** Milliseconds between two keys of this host. */
export const KEY_PERIOD_MS = 24 * 3_600_000;
/** The controller's time is followed when it is this far off what is assumed; less is the network's delay. */
const CLOCK_STEP_MS = 1000;
/** Milliseconds of difference between this host's clock and the controller's that are worth a word. */
const CLOCK_WORTH_TELLING_MS = 30_000;
/** Numbers of this host's software that are known here before the controller tells everybody. */
const OWN_NUMBERS_MAX = 4096;
/** Milliseconds that a policy waits for the keys of its peers. */
const READY_MS_MAX = 2000;
/** Numbers that were asked for and not found are asked for again after this, milliseconds. */
const ASK_AGAIN_MS = 2000;

export type ProverParts = {
  readonly stateDir: string;
  readonly workload: string;
  readonly kernel: Kernel;
  readonly client: () => ControllerClient | null;
  readonly identities: () => Iterable<readonly [id: number, identity: ProcessIdentity]>;
  /** Makes the policy in force know a number; resolves when the kernel judges by it. */
  readonly admitRemote: (number: number, identity: ProcessIdentity) => Promise<void>;
  /** TCP ports of sockets that listen since before the kernel programs. */
  readonly mutePorts: () => readonly number[];
  /** This host proves its software in datagrams too, and reads such proofs. */
  readonly datagrams: boolean;
  readonly nowMs: () => number;
  readonly periodMs: number;
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
  readonly onEvent: (event: ProofEvent) => Promise<void>;
  /** Turns the keys where due, asks for numbers, tells what was counted. Once a second. */
  readonly tick: () => Promise<void>;
};

/** Goes on by what an earlier agent saved, until the controller is heard. */
export async function createProver(parts: ProverParts): Promise<Prover> {
  const { kernel, stateDir, workload } = parts;
  let ring = await loadKeyRing(stateDir, parts.nowMs());
  let known = await loadKnowledge(stateDir);
  let connected = false;
  let offered: string | null = null;
  let offeredGeneration = 0;
  let newKeyMs = parts.nowMs();
  // What the agent before this one heard of the controller's clock stands on the boot's, which no jump changes.
  const former = kernel.proof.epochOffsetNs();
  let epochOffsetNs = former === 0n ? epochOffset(parts.nowMs() + known.clockMs) : former;
  const numbered = new Set<number>();
  const own = new Map<number, ProcessIdentity>();
  const owners = new Map<string, string>();
  const waiting = new Map<number, ProcessIdentity>();
  const askedMs = new Map<number, number>();
  const told = new Set<string>();
  const peerAt = (address: Uint8Array) => owners.get(String(address));
  const readCounts = createCountReader(peerAt);
  const readDatagramCounts = createCountReader(peerAt);
  const options = { timeoutMs: CALL_TIMEOUT_MS };
  let tail: Promise<unknown> = Promise.resolve();
  let greeting: Promise<unknown> = Promise.resolve();

  await saveKeyRing(stateDir, ring);
  await write([...known.peers.values()]);
  const current = new Set([...known.peers.values()].flatMap((peer) => peer.addresses.map(String)));
  for (const address of kernel.proof.peers())
    if (!current.has(String(address))) kernel.proof.deletePeer(address);
  configure();

  /** One change of keys or knowledge at a time, in order. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = tail.then(work, work);
    tail = done.catch(() => undefined);
    return done;
  }

  /** By the boot's clock, which nobody sets. */
  function epochOffset(controllerMs: number): bigint {
    return BigInt(Math.round(controllerMs)) * 1_000_000n - kernel.bootNs();
  }

  function configure(): void {
    kernel.proof.configure({ on: known.peers.size > 0, numbered: connected, epochOffsetNs });
  }

  /** Keys and paths of these peers, as the kernel needs them. Lets other work through: a fleet may be large. */
  async function write(peers: readonly ProofPeer[]): Promise<void> {
    for (const peer of peers) {
      const state = peerState(workload, ring, peer, parts);
      for (const address of peer.addresses) {
        owners.set(String(address), peer.workload);
        kernel.proof.setPeer(address, state);
        for (const port of peer.mutePorts) kernel.proof.setMute(address, port);
      }
      await setImmediate();
    }
  }

  function erase(peers: readonly ProofPeer[]): void {
    for (const { workload: name, addresses, mutePorts } of peers) {
      const still = known.peers.get(name)?.addresses ?? [];
      for (const address of addresses) {
        if (owners.get(String(address)) !== name) continue;
        owners.delete(String(address));
        kernel.proof.deletePeer(address);
      }
      for (const address of [...addresses, ...still])
        for (const port of mutePorts) kernel.proof.deleteMute(address, port);
    }
  }

  async function fetch(numbers: readonly number[]): Promise<void> {
    const client = parts.client();
    if (client === null) return;
    const request = { workload, version: known.version, numbers: numbers.slice(0, PROOF_ITEMS_MAX) };
    const change = learn(known, await client.service.fetchProof(request, options));
    const isNews = change.known.version !== known.version || change.identities.length > 0;
    known = change.known;
    erase(change.gone);
    await write(change.changed);
    configure();
    for (const [number, identity] of change.identities) await parts.admitRemote(number, identity);
    if (isNews) await saveKnowledge(stateDir, known);
  }

  /** INVARIANT: peers hear of a key only when this host can read what they make with it, also after a restart. */
  async function offer(): Promise<void> {
    const keys = ring.keys.map((key) => ({ generation: key.generation, publicKey: publicKeyOf(key) }));
    const mutePorts = [...parts.mutePorts()];
    const name = JSON.stringify([keys.map((key) => key.generation), mutePorts]);
    const client = parts.client();
    if (client === null || name === offered) return;
    await client.service.offerProofKey({ workload, keys, mutePorts, datagrams: parts.datagrams }, options);
    offered = name;
    const newest = keys.at(-1)?.generation ?? 0;
    if (newest !== offeredGeneration) newKeyMs = parts.nowMs();
    offeredGeneration = newest;
  }

  /** INVARIANT: a key is used for signing only when peers could hear of it for half a period. */
  async function turnIfDue(): Promise<void> {
    const nowMs = parts.nowMs();
    const next: KeyRing = turnKeyRing(ring, nowMs, parts.periodMs);
    if (next === ring) return;
    if (next.signing !== ring.signing && nowMs - newKeyMs < parts.periodMs / 2) return;
    await saveKeyRing(stateDir, next);
    ring = next;
    await write([...known.peers.values()]);
  }

  /** Containers that this host carries prove to each other: who reads the number is this very kernel, and at once. */
  async function knowOwn(given: number, identity: ProcessIdentity): Promise<void> {
    if (!known.peers.has(workload) || known.directory.has(given) || own.size >= OWN_NUMBERS_MAX) return;
    own.set(given, identity);
    await parts.admitRemote(given, identity);
  }

  function* directory() {
    yield* known.directory;
    for (const entry of own) if (!known.directory.has(entry[0])) yield entry;
  }

  async function number(): Promise<void> {
    while (waiting.size > 0) {
      const client = parts.client();
      if (client === null) return;
      const batch = [...waiting].slice(0, PROOF_ITEMS_MAX);
      const processes = batch.map(([, identity]) => toProcess(identity));
      const { numbers } = await client.service.numberIdentities({ workload, processes }, options);
      for (const [i, [id, identity]] of batch.entries()) {
        waiting.delete(id);
        const given = numbers[i] ?? 0;
        if (given === 0) continue;
        numbered.add(id);
        await knowOwn(given, identity);
        kernel.proof.setNumber(id, given);
      }
    }
  }

  async function ask(unknown: number): Promise<void> {
    const nowMs = parts.nowMs();
    if (known.directory.has(unknown) || nowMs - (askedMs.get(unknown) ?? 0) < ASK_AGAIN_MS) return;
    if (askedMs.size > PROOF_ITEMS_MAX) askedMs.clear();
    askedMs.set(unknown, nowMs);
    await inTurn(() => fetch([unknown]));
  }

  async function greet(): Promise<void> {
    await inTurn(offer);
    await inTurn(() => fetch([]));
    await number();
  }

  function disconnect(): void {
    connected = false;
    configure();
  }

  function tell(event: ProofEvent): void {
    const name = owners.get(String(event.source)) ?? "";
    const peer = known.peers.get(name);
    const keyOf = (phases: number) =>
      peer === undefined ? null : (peerState(workload, ring, peer).verify[phases] ?? null);
    const { message } = nameFault(event, name, keyOf);
    if (told.has(message)) return;
    if (told.size > PROOF_ITEMS_MAX) told.clear();
    told.add(message);
    parts.onFault(message);
  }

  return {
    directory,
    greet: () => {
      connected = true;
      offered = null;
      for (const [id, identity] of parts.identities()) if (!numbered.has(id)) waiting.set(id, identity);
      const done = greet();
      greeting = done.catch(() => undefined);
      return done;
    },
    ready: async () => {
      await Promise.race([greeting, sleep(READY_MS_MAX)]);
    },
    fetch: (numbers = []) => inTurn(() => fetch(numbers)),
    heard: (controllerMs) => {
      if (controllerMs === 0n) return;
      const clockMs = Number(controllerMs) - parts.nowMs();
      if (Math.abs(clockMs - known.clockMs) >= CLOCK_STEP_MS) {
        known = { ...known, clockMs };
        if (Math.abs(clockMs) >= CLOCK_WORTH_TELLING_MS)
          parts.onFault(
            `this host's clock is ${Math.round(clockMs / 1000)} s off the controller's; proofs follow the controller's`,
          );
      }
      epochOffsetNs = epochOffset(Number(controllerMs));
      configure();
    },
    met: (id, identity) => {
      if (numbered.has(id)) return;
      waiting.set(id, identity);
      number().catch(() => undefined);
    },
    onEvent: async (event) => {
      if (event.fault === "number") await ask(event.word & 0x0fff_ffff);
      else tell(event);
    },
    tick: async () => {
      const client = parts.client();
      if (client === null) {
        if (connected) disconnect();
        return;
      }
      await inTurn(offer);
      await inTurn(turnIfDue);
      await inTurn(offer);
      await number();
      const counts = [
        ...readCounts(kernel.proof.counts()).map((one) => ({ ...one, datagrams: false })),
        ...readDatagramCounts(kernel.proof.datagramCounts()).map((one) => ({ ...one, datagrams: true })),
      ];
      if (counts.length > 0) await client.service.reportProofs({ workload, counts }, options);
    },
  };
}
