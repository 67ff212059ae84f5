import { fail, ok, type ProcessIdentity, parseAddress, type Result } from "@ringwall/model";
import type { ProofState } from "@ringwall/protocol/agent";
import type { CompiledHost } from "../jobs/compile-fleet.ts";
import { createMutex } from "../jobs/mutex.ts";
import type { ProofFacts } from "../jobs/simulate.ts";
import { CARRIER_LABEL } from "../store/state/fleet.ts";
import * as store from "../store/state/proof.ts";
import type { KeyOffer, ReportedCounts } from "./decode-proof.ts";
import { freeAddresses, ownAddresses, PATH_KEY, PLACE_KEY, proofStateFor, REACH_KEY } from "./directory.ts";
import { type Awaited, createHeard, type Heard } from "./heard.ts";
import { createHistory } from "./history.ts";
import { KEYS_AHEAD_MS_MAX, NUMBERS_AHEAD_MS_MAX, RELATIONS_LOOKED_UP_MAX, REVOKED_MAX } from "./limits.ts";
import type { Concerns, Urgency } from "./notifier.ts";
import { loadNumbers } from "./numbers.ts";
import { createPaths, type Path } from "./paths.ts";
import { CHANGES, type Changes, createProfiles, type Profile } from "./profiles.ts";
import { profileAlert, strippedAlert } from "./proof-alerts.ts";
import type { KnownPath, Proofs, ProofsParts } from "./proofs-parts.ts";
import { createRelations, type Relations } from "./relations.ts";
import { sameKeys } from "./same-keys.ts";
import { createTold } from "./told.ts";

/** Things that change and are told: hosts and pairs of hosts. */
const HISTORY_KEYS_MAX = 200_000;

export async function createProofs(parts: ProofsParts): Promise<Proofs> {
  const { db, nowMs } = parts;
  const history = createHistory(await store.nextProofRun(db, nowMs()), HISTORY_KEYS_MAX);
  const numberedAt = new Map<number, number>();
  const onNew = (given: readonly number[]) => {
    const version = history.touch("numbers");
    for (const number of given) numberedAt.set(number, version);
    parts.onChange("soon", everybody);
  };
  const numbers = await loadNumbers({ db, nowMs, onNew });
  const stripped = await store.loadStripped(db);
  const pathsOf = (datagrams: boolean) =>
    createPaths(
      stripped
        .filter((one) => one.datagrams === datagrams)
        .map(({ source, destination, since }) => ({ source, destination, sinceMs: since.getTime() })),
    );
  const profiles = createProfiles(
    (await store.loadProfiles(db)).map(({ a, b, changes }) => ({ a, b, changes: changesOf(changes) })),
  );
  const paths = { paths: pathsOf(false), datagramPaths: pathsOf(true), profiles };
  const keys = await store.loadProofKeys(db);
  const revoked = await store.loadRevoked(db);
  return new StoredProofs(parts, { history, numbers, numberedAt, ...paths, keys, revoked, gone: new Set() });
}

const everybody: Concerns = () => true;

type Memory = Omit<
  Parameters<typeof proofStateFor>[0],
  "fleet" | "keys" | "revoked" | "gone" | "relations"
> & {
  readonly keys: Map<string, store.StoredKeys>;
  readonly revoked: Map<string, readonly string[]>;
  readonly gone: Set<string>;
};

class StoredProofs implements Proofs {
  readonly #parts: ProofsParts;
  readonly #memory: Memory;
  readonly #addresses = new Map<string, string>();
  readonly #places = new Map<string, readonly bigint[]>();
  readonly #relations: Relations;
  readonly #told = createTold();
  readonly #heard: Heard;
  /** Keys and paths are stored before they are told, one change after the other. */
  readonly #oneAtATime = createMutex();

  constructor(parts: ProofsParts, memory: Memory) {
    this.#parts = parts;
    this.#memory = memory;
    this.#relations = createRelations(
      (workload) => this.#places.get(workload) ?? [],
      (workload) => parts.fleet.carriedBy(workload).length > 0,
    );
    this.#heard = createHeard({
      ...memory,
      relatedTo: (owner) => this.#relations.relatedTo(owner),
      isConnected: parts.isConnected,
      nowMs: parts.nowMs,
      onHeard: (owner) => parts.onChange("soon", (one) => one === owner),
    });
    for (const workload of memory.keys.keys()) parts.fleet.setProving(workload, true);
    for (const workload of [...memory.keys.keys(), ...memory.revoked.keys()]) this.#place(workload);
  }

  offer(workload: string, { keys, mutePorts, datagrams }: KeyOffer): Promise<Result<void, string>> {
    return this.#oneAtATime(async () => {
      const before = this.#memory.keys.get(workload);
      const newest = before?.keys.at(-1)?.generation ?? 0;
      const offered = keys.at(-1)?.generation ?? newest;
      if (offered < newest)
        return fail(`key ${offered} is behind key ${newest}, which this host offered before`);
      const now = new Date(this.#parts.nowMs());
      const kept = keys.map((key) => {
        const same = before?.keys.find((one) => one.generation === key.generation);
        return { ...key, offeredAt: same?.publicKey.equals(key.publicKey) ? same.offeredAt : now };
      });
      const after = { keys: kept, mutePorts, datagrams };
      if (sameKeys(before, after)) return ok(undefined);
      await store.saveProofKeys(this.#parts.db, workload, after);
      const wasRevoked = this.#noLongerRevoked(workload);
      if (keys.length === 0) this.#memory.keys.delete(workload);
      else this.#memory.keys.set(workload, after);
      this.#changed(workload, "soon", wasRevoked ? everybody : null);
      this.#setProving(workload);
      return ok(undefined);
    });
  }

  async number(workload: string, identities: readonly ProcessIdentity[]): Promise<readonly number[]> {
    const { numbers, numberedAt } = this.#memory;
    const before = numberedAt.size;
    const given = await numbers.assign(workload, identities);
    // A SYN that comes before its number is known there is dropped, and sent again a second later.
    if (numberedAt.size > before) await this.#tellAhead([workload], NUMBERS_AHEAD_MS_MAX);
    return given;
  }

  fetch(workload: string, since: number, numbers: readonly number[]): ProofState {
    const { fleet } = this.#parts;
    const parts = { ...this.#memory, fleet, relations: this.#relations };
    const state = proofStateFor(parts, workload, since, numbers);
    this.#told.has(workload, this.version());
    this.#heard.given(workload, this.version());
    return { ...state, heardGeneration: this.#heard.generationOf(workload) };
  }

  has(workload: string, version: number): void {
    this.#heard.has(workload, version);
  }

  report(workload: string, counts: readonly ReportedCounts[]): Promise<void> {
    return this.#oneAtATime(async () => {
      const { fleet, nowMs, alert, onChange } = this.#parts;
      const known = counts.filter(({ peer }) => peer !== workload && fleet.get(peer) !== undefined);
      const changed = known.flatMap((one) =>
        this.#pathsOf(one)
          .report(workload, one, nowMs())
          .map((path) => ({ ...path, datagrams: one.datagrams })),
      );
      for (const path of changed) await this.#keepPath(path);
      const profiles = known.flatMap((one) => this.#memory.profiles.report(workload, one, nowMs()) ?? []);
      for (const profile of profiles) await this.#keepProfile(profile);
      if (changed.length + profiles.length === 0) return;
      const ends = new Set([
        ...changed.map((path) => path.destination),
        ...profiles.flatMap(({ a, b }) => [a, b]),
      ]);
      onChange("soon", (one) => ends.has(one));
      await alert(profiles.map((profile) => profileAlert(profile, nowMs())));
      await alert(
        changed.filter((path) => path.state === "stripped").map((path) => strippedAlert(path, nowMs())),
      );
    });
  }

  renewed(workload: string): Promise<void> {
    return this.#oneAtATime(async () => {
      const { db } = this.#parts;
      await store.saveProofKeys(db, workload, { keys: [], mutePorts: [], datagrams: false });
      await store.deleteStrippedOf(db, workload);
      for (const profile of this.#memory.profiles.forget(workload)) await store.deleteProfile(db, profile);
      this.#forgetPaths(workload);
      this.#relations.forget(workload);
      this.#heard.forget(workload);
      const known = this.#memory.keys.delete(workload) || this.#noLongerRevoked(workload);
      if (known) this.#changed(workload);
      this.#setProving(workload);
    });
  }

  revoke(workload: string): Promise<void> {
    return this.#oneAtATime(async () => {
      const { db, fleet } = this.#parts;
      this.#forgetPaths(workload);
      this.#relations.forget(workload);
      this.#heard.forget(workload);
      if (!this.#memory.keys.delete(workload)) return;
      fleet.setProving(workload, false);
      const carried = fleet.carriedBy(workload).flatMap((one) => one.addresses);
      const addresses = [...(fleet.get(workload)?.addresses ?? []), ...carried];
      await store.saveRevoked(db, workload, addresses);
      this.#memory.revoked.set(workload, addresses);
      const over = [...this.#memory.revoked.keys()].slice(
        0,
        Math.max(0, this.#memory.revoked.size - REVOKED_MAX),
      );
      await store.deleteRevoked(db, over);
      for (const one of over) {
        this.#memory.revoked.delete(one);
        this.#changed(one);
      }
      this.#changed(workload, "now");
    });
  }

  addressesChanged(): void {
    for (const workload of this.#memory.keys.keys()) {
      if (this.#addresses.get(workload) === this.#addressesOf(workload)) continue;
      this.#memory.history.touch(PLACE_KEY(workload));
      this.#memory.history.touch(REACH_KEY(workload));
      this.#changed(workload, "soon", everybody);
    }
    for (const [workload, addresses] of this.#memory.revoked) {
      const free = freeAddresses(this.#parts, workload, addresses).join();
      if (this.#addresses.get(workload) !== free) this.#changed(workload);
    }
  }

  async keysAhead(policies: readonly Pick<CompiledHost, "workload" | "reach">[]): Promise<void> {
    const { history, keys } = this.#memory;
    const changed = policies.filter(
      ({ workload, reach }) => reach !== null && this.#relations.set(workload, reach),
    );
    if (changed.length === 0) return;
    // A container's are its host's, which proves for it.
    const workloads = [...new Set(changed.map(({ workload }) => this.#proverOf(workload)))];
    for (const workload of workloads) {
      history.touch(REACH_KEY(workload));
      if (keys.has(workload)) history.touch(workload);
    }
    await this.#tellAhead(workloads, KEYS_AHEAD_MS_MAX);
  }

  settled(workload: string): void {
    if (!this.#relations.settle(workload)) return;
    this.#heard.lookAgain(workload);
    this.#memory.history.touch(REACH_KEY(workload));
    this.#parts.onChange("soon", (one) => one === workload);
  }

  talks(workload: string, addresses: Iterable<string>): void {
    const { fleet, onChange } = this.#parts;
    const { history } = this.#memory;
    const own = this.#proverOf(workload);
    for (const address of addresses) {
      const owner = fleet.ownerOf(address);
      const peer = owner === null ? own : this.#proverOf(owner);
      if (peer === own || !this.#relations.claim(own, peer)) continue;
      history.touch(PATH_KEY(peer, own));
      history.touch(PATH_KEY(own, peer));
      onChange("soon", (one) => one === own || one === peer);
    }
  }

  version(): number {
    return this.#memory.history.version();
  }

  keysOf(workload: string): store.StoredKeys | null {
    return this.#memory.keys.get(workload) ?? null;
  }

  awaited(): ReadonlyMap<string, Awaited> {
    return this.#heard.awaited();
  }

  lookAgain(): void {
    this.#heard.lookAtAll();
  }

  paths(): readonly KnownPath[] {
    const { paths, datagramPaths } = this.#memory;
    const of = (all: readonly Path[], datagrams: boolean) => all.map((path) => ({ ...path, datagrams }));
    return [...of(paths.all(), false), ...of(datagramPaths.all(), true)];
  }

  facts(): ProofFacts {
    const stripped = this.#memory.paths.all().filter((path) => path.state === "stripped");
    return {
      provers: [...this.#memory.keys.keys()],
      stripped: stripped.map(({ source, destination }) => ({ source, destination })),
    };
  }

  #pathsOf({ datagrams }: { readonly datagrams: boolean }) {
    return datagrams ? this.#memory.datagramPaths : this.#memory.paths;
  }

  #forgetPaths(workload: string): void {
    this.#memory.paths.forget(workload);
    this.#memory.datagramPaths.forget(workload);
  }

  async #keepPath({ source, destination, datagrams, state, sinceMs }: KnownPath): Promise<void> {
    const { db } = this.#parts;
    const ends = { source, destination, datagrams };
    if (state === "expected") await store.deleteStripped(db, ends);
    else await store.saveStripped(db, { ...ends, since: new Date(sinceMs ?? 0) });
    this.#memory.history.touch(PATH_KEY(source, destination));
  }

  async #keepProfile(profile: Profile): Promise<void> {
    const { a, b, changes } = profile;
    if (changes === "none") await store.deleteProfile(this.#parts.db, profile);
    else await store.saveProfile(this.#parts.db, profile);
    this.#memory.history.touch(PATH_KEY(a, b));
    this.#memory.history.touch(PATH_KEY(b, a));
  }

  #setProving(workload: string): void {
    const { fleet, onProving } = this.#parts;
    const proving = this.#memory.keys.has(workload);
    if (fleet.isProving(workload) === proving) return;
    fleet.setProving(workload, proving);
    onProving();
  }

  /** Tells these hosts and those related to them at once, and waits until all that are connected have fetched. */
  async #tellAhead(workloads: readonly string[], msMax: number): Promise<void> {
    const { isConnected, onChange } = this.#parts;
    const concerns = this.#relatedToAny(workloads);
    const waiting = [...this.#memory.keys.keys()].filter((one) => isConnected(one) && concerns(one));
    onChange("now", concerns);
    await this.#told.wait(waiting, this.version(), msMax);
  }

  #proverOf(workload: string): string {
    return this.#parts.fleet.get(workload)?.agentLabels[CARRIER_LABEL] ?? workload;
  }

  /** Everybody was told of it, so everybody is told that it is over. */
  #noLongerRevoked(workload: string): boolean {
    if (!this.#memory.revoked.delete(workload)) return false;
    this.#memory.history.touch(PLACE_KEY(workload));
    return true;
  }

  /** Hosts themselves, and those related to one of them. */
  #relatedToAny(workloads: readonly string[]): Concerns {
    if (workloads.length > RELATIONS_LOOKED_UP_MAX) return everybody;
    const tests = workloads.map((workload) => this.#relations.relatedTo(workload));
    return (one) => workloads.includes(one) || tests.some((isRelated) => isRelated(one));
  }

  #place(workload: string): void {
    const { revoked } = this.#memory;
    this.#addresses.set(workload, this.#addressesOf(workload));
    if (revoked.has(workload)) this.#places.delete(workload);
    else
      this.#places.set(
        workload,
        ownAddresses(this.#parts, workload).flatMap((text) => parseAddress(text) ?? []),
      );
  }

  #changed(workload: string, urgency: Urgency = "soon", concerns: Concerns | null = null): void {
    const { keys, revoked, gone, history } = this.#memory;
    if (keys.has(workload) || revoked.has(workload)) {
      this.#place(workload);
      gone.delete(workload);
    } else {
      // Its place stays known: by it those are found who were told of the host.
      this.#addresses.delete(workload);
      gone.add(workload);
    }
    history.touch(workload);
    this.#heard.lookAgain(workload);
    if (gone.size > REVOKED_MAX) {
      gone.clear();
      history.forget();
    }
    const related = keys.has(workload) ? this.#relatedToAny([workload]) : everybody;
    this.#parts.onChange(urgency, concerns ?? related);
  }

  /** Those that its peers are told of, as a text that differs when they do. */
  #addressesOf(workload: string): string {
    const revoked = this.#memory.revoked.get(workload);
    const addresses =
      revoked === undefined
        ? ownAddresses(this.#parts, workload)
        : freeAddresses(this.#parts, workload, revoked);
    return addresses.join();
  }
}

/** What the database holds is checked by it; a newer controller's word counts as nothing. */
function changesOf(text: string): Changes {
  return CHANGES.find((one) => one === text) ?? "none";
}
