import { fail, ok, type ProcessIdentity, type Result } from "@ringwall/model";
import type { ProofState } from "@ringwall/protocol/agent";
import type { NewAlert } from "../jobs/alerts.ts";
import { createMutex } from "../jobs/mutex.ts";
import type { ProofFacts } from "../jobs/simulate.ts";
import type { Fleet } from "../store/state/fleet.ts";
import type { StateDatabase } from "../store/state/open.ts";
import * as store from "../store/state/proof.ts";
import type { KeyOffer, ReportedCounts } from "./decode-proof.ts";
import { freeAddresses, ownAddresses, PATH_KEY, proofStateFor } from "./directory.ts";
import { createHistory } from "./history.ts";
import { REVOKED_MAX } from "./limits.ts";
import type { Urgency } from "./notifier.ts";
import { loadNumbers } from "./numbers.ts";
import { createPaths, type Path } from "./paths.ts";
import { CHANGES, type Changes, createProfiles, type Profile } from "./profiles.ts";

/** Things that change and are told: hosts and pairs of hosts. */
const HISTORY_KEYS_MAX = 200_000;

/** The proof of software, fleet-wide: who has which keys, which numbers mean whom, and where proofs arrive. */
export type Proofs = {
  /** Takes the keys a host offers in place of those it had; no keys: it can't prove any more. */
  offer(workload: string, offer: KeyOffer): Promise<Result<void, string>>;
  number(workload: string, identities: readonly ProcessIdentity[]): Promise<readonly number[]>;
  fetch(workload: string, since: number, numbers: readonly number[]): ProofState;
  report(workload: string, counts: readonly ReportedCounts[]): Promise<void>;
  /** The host is set up anew: it has no keys yet, and its paths are to be found out. */
  renewed(workload: string): Promise<void>;
  /** The host is forgotten: what it proves counts for nothing any more. Call it while its addresses are known. */
  revoke(workload: string): Promise<void>;
  /** Tells of hosts whose addresses are others now. */
  addressesChanged(): void;
  version(): number;
  keysOf(workload: string): store.StoredKeys | null;
  paths(): readonly KnownPath[];
  /** For questions about what was seen: who can prove now, and where proofs do not arrive. */
  facts(): ProofFacts;
};

/** `datagrams`: of proofs in datagrams; else of those of TCP. */
export type KnownPath = Path & { readonly datagrams: boolean };

export type ProofsParts = {
  readonly db: StateDatabase;
  readonly fleet: Fleet;
  readonly alert: (alerts: readonly NewAlert[]) => Promise<void>;
  /** A host began or ceased to prove: its policy is another one. */
  readonly onProving: () => void;
  /** There is something new to fetch. */
  readonly onChange: (urgency: Urgency) => void;
  readonly nowMs: () => number;
};

export async function createProofs(parts: ProofsParts): Promise<Proofs> {
  const { db } = parts;
  const history = createHistory(await store.nextProofRun(db), HISTORY_KEYS_MAX);
  const numberedAt = new Map<number, number>();
  let told = 0;
  const numbers = await loadNumbers(db, () => {
    const version = history.touch("numbers");
    for (; told < numbers.last(); told += 1) numberedAt.set(told + 1, version);
    parts.onChange("soon");
  });
  told = numbers.last();
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

type Memory = Omit<Parameters<typeof proofStateFor>[0], "fleet" | "keys" | "revoked" | "gone"> & {
  readonly keys: Map<string, store.StoredKeys>;
  readonly revoked: Map<string, readonly string[]>;
  readonly gone: Set<string>;
};

class StoredProofs implements Proofs {
  readonly #parts: ProofsParts;
  readonly #memory: Memory;
  readonly #addresses = new Map<string, string>();
  /** Keys and paths are stored before they are told, one change after the other. */
  readonly #oneAtATime = createMutex();

  constructor(parts: ProofsParts, memory: Memory) {
    this.#parts = parts;
    this.#memory = memory;
    for (const workload of memory.keys.keys()) parts.fleet.setProving(workload, true);
    for (const workload of [...memory.keys.keys(), ...memory.revoked.keys()])
      this.#addresses.set(workload, this.#addressesOf(workload));
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
      this.#memory.revoked.delete(workload);
      if (keys.length === 0) this.#memory.keys.delete(workload);
      else this.#memory.keys.set(workload, after);
      this.#changed(workload);
      this.#setProving(workload);
      return ok(undefined);
    });
  }

  number(workload: string, identities: readonly ProcessIdentity[]): Promise<readonly number[]> {
    return this.#memory.numbers.assign(workload, identities);
  }

  fetch(workload: string, since: number, numbers: readonly number[]): ProofState {
    return proofStateFor({ ...this.#memory, fleet: this.#parts.fleet }, workload, since, numbers);
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
      onChange("soon");
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
      const known = this.#memory.keys.delete(workload) || this.#memory.revoked.delete(workload);
      if (known) this.#changed(workload);
      this.#setProving(workload);
    });
  }

  revoke(workload: string): Promise<void> {
    return this.#oneAtATime(async () => {
      const { db, fleet } = this.#parts;
      this.#forgetPaths(workload);
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
      if (this.#addresses.get(workload) !== this.#addressesOf(workload)) this.#changed(workload);
    }
    for (const [workload, addresses] of this.#memory.revoked) {
      const free = freeAddresses(this.#parts, workload, addresses).join();
      if (this.#addresses.get(workload) !== free) this.#changed(workload);
    }
  }

  version(): number {
    return this.#memory.history.version();
  }

  keysOf(workload: string): store.StoredKeys | null {
    return this.#memory.keys.get(workload) ?? null;
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

  #changed(workload: string, urgency: Urgency = "soon"): void {
    const { keys, revoked, gone, history } = this.#memory;
    if (keys.has(workload) || revoked.has(workload)) {
      this.#addresses.set(workload, this.#addressesOf(workload));
      gone.delete(workload);
    } else {
      this.#addresses.delete(workload);
      gone.add(workload);
    }
    history.touch(workload);
    if (gone.size > REVOKED_MAX) {
      gone.clear();
      history.forget();
    }
    this.#parts.onChange(urgency);
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

function profileAlert({ a, b, changes }: Profile, nowMs: number): NewAlert {
  const what = changes.replaceAll("-", " ");
  const message =
    changes === "none"
      ? `proofs between \`${a}\` and \`${b}\` are wrong, also without addresses and ports: their keys, or somebody who makes proofs up`
      : `proofs between \`${a}\` and \`${b}\` arrive and are wrong: they leave ${what} out from now on, as behind a NAT`;
  return { kind: "path-stripped", workload: b, message, rule: null, timeMs: nowMs, count: 1 };
}

function sameKeys(a: store.StoredKeys | undefined, b: store.StoredKeys): boolean {
  const text = (one: store.StoredKeys) =>
    JSON.stringify([
      one.mutePorts,
      one.datagrams,
      one.keys.map((key) => [key.generation, key.publicKey.toString("hex")]),
    ]);
  return text(a ?? { keys: [], mutePorts: [], datagrams: false }) === text(b);
}

function strippedAlert({ source, destination, datagrams }: KnownPath, nowMs: number): NewAlert {
  const what = datagrams ? "what lies behind UDP's data" : "TCP options";
  return {
    kind: "path-stripped",
    workload: destination,
    message:
      `proofs that \`${source}\` sends do not arrive at \`${destination}\`: something on the way takes ${what} out; until one ` +
      `arrives, \`${destination}\` knows the software of \`${source}\` by its address only, and \`verified: required\` refuses it`,
    rule: null,
    timeMs: nowMs,
    count: 1,
  };
}
