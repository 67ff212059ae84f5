import type { ProcessIdentity } from "@ringwall/model";
import { PROOF_NUMBER_MAX } from "@ringwall/protocol/agent";
import { createMutex } from "../jobs/mutex.ts";
import { digestOf } from "../store/flows/process.ts";
import type { StateDatabase } from "../store/state/open.ts";
import { insertIdentities, loadIdentities, type StoredIdentity } from "../store/state/proof.ts";
import { NUMBERS_PER_HOST_MAX } from "./limits.ts";

/** Fleet-wide numbers of identities. The same factors always have the same number, and a number never changes its meaning. */
export type Numbers = {
  /** In the order asked; 0 where the host, or the fleet, has taken all it may. Stored before it is answered. */
  assign(workload: string, identities: readonly ProcessIdentity[]): Promise<readonly number[]>;
  /** Null where nobody was given that number. */
  get(number: number): ProcessIdentity | null;
  /** Numbers are given out in order, from 1: the highest one. */
  last(): number;
};

/** In memory for every question, in PostgreSQL for good. `onNew` is called once numbers are stored. */
export async function loadNumbers(db: StateDatabase, onNew: () => void): Promise<Numbers> {
  const byDigest = new Map<string, number>();
  const byNumber: ProcessIdentity[] = [];
  const taken = new Map<string, number>();
  const remember = ({ digest, workload, process }: StoredIdentity) => {
    byNumber.push(process);
    byDigest.set(digest, byNumber.length);
    taken.set(workload, (taken.get(workload) ?? 0) + 1);
  };
  for (const row of await loadIdentities(db)) {
    remember(row);
    // INVARIANT: numbers are 1, 2, 3 … without a gap, so that a list holds them.
    if (row.number !== byNumber.length)
      throw new Error(`bug: identity ${row.number} in place ${byNumber.length}`);
  }
  const oneAtATime = createMutex();
  const assign = async (workload: string, identities: readonly ProcessIdentity[]) => {
    const digests = identities.map(digestOf);
    const fresh = new Map<string, StoredIdentity>();
    const room = Math.min(
      NUMBERS_PER_HOST_MAX - (taken.get(workload) ?? 0),
      PROOF_NUMBER_MAX - byNumber.length,
    );
    for (const [index, digest] of digests.entries()) {
      const process = identities[index];
      if (process === undefined || byDigest.has(digest) || fresh.has(digest) || fresh.size >= room) continue;
      fresh.set(digest, { number: byNumber.length + fresh.size + 1, digest, process, workload });
    }
    if (fresh.size > 0) {
      await insertIdentities(db, [...fresh.values()]);
      for (const one of fresh.values()) remember(one);
      onNew();
    }
    return digests.map((digest) => byDigest.get(digest) ?? 0);
  };
  return {
    assign: (workload, identities) => oneAtATime(() => assign(workload, identities)),
    get: (number) => byNumber[number - 1] ?? null,
    last: () => byNumber.length,
  };
}
