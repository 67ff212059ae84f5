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
  /** All that were given out, the newest first. */
  newest(): Iterable<number>;
};

export type NumbersParts = {
  readonly db: StateDatabase;
  readonly nowMs: () => number;
  /** Called once they are stored. */
  readonly onNew: (given: readonly number[]) => void;
};

/**
 * Of the numbers, 2^28, each start of the controller begins at another: eight further for each second, all of them in a year.
 * INVARIANT: a database that is put back from a backup gives no number again that was given out since, unless more than
 * eight a second were. Hosts that are away go on by what it meant then.
 */
const MS_PER_NUMBER = 125;

/** In memory for every question, in PostgreSQL for good. */
export async function loadNumbers({ db, nowMs, onNew }: NumbersParts): Promise<Numbers> {
  const byDigest = new Map<string, number>();
  const byNumber = new Map<number, ProcessIdentity>();
  const inOrder: number[] = [];
  const taken = new Map<string, number>();
  const remember = ({ number, digest, workload, process }: StoredIdentity) => {
    byNumber.set(number, process);
    byDigest.set(digest, number);
    inOrder.push(number);
    taken.set(workload, (taken.get(workload) ?? 0) + 1);
  };
  for (const row of await loadIdentities(db)) remember(row);
  let last = Math.floor(nowMs() / MS_PER_NUMBER) % PROOF_NUMBER_MAX;
  const next = () => {
    do last = (last % PROOF_NUMBER_MAX) + 1;
    while (byNumber.has(last));
    return last;
  };
  const oneAtATime = createMutex();
  const assign = async (workload: string, identities: readonly ProcessIdentity[]) => {
    const digests = identities.map(digestOf);
    const fresh = new Map<string, StoredIdentity>();
    const room = Math.min(
      NUMBERS_PER_HOST_MAX - (taken.get(workload) ?? 0),
      PROOF_NUMBER_MAX - byNumber.size,
    );
    for (const [index, digest] of digests.entries()) {
      const process = identities[index];
      if (process === undefined || byDigest.has(digest) || fresh.has(digest) || fresh.size >= room) continue;
      fresh.set(digest, { number: next(), digest, process, workload });
    }
    if (fresh.size > 0) {
      await insertIdentities(db, [...fresh.values()]);
      for (const one of fresh.values()) remember(one);
      onNew([...fresh.values()].map((one) => one.number));
    }
    return digests.map((digest) => byDigest.get(digest) ?? 0);
  };
  return {
    assign: (workload, identities) => oneAtATime(() => assign(workload, identities)),
    get: (number) => byNumber.get(number) ?? null,
    *newest() {
      for (let i = inOrder.length - 1; i >= 0; i -= 1) yield inOrder[i] as number; // within it
    },
  };
}
