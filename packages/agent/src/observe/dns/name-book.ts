import type { NamedAddress } from "@ringwall/policy/lower";
import type { ResolvedName } from "./answers.ts";

/** Seconds for which an answer counts at least and at most, whatever its TTL says (2-policy, "Addresses and names"). */
export const TTL_SECONDS_MIN = 60;
export const TTL_SECONDS_MAX = 3600;
/** Addresses that are remembered; what expires first goes first. */
export const ADDRESSES_MAX = 16_384;
/** Names of one address; those that expire last are kept. */
export const NAMES_MAX = 32;

const NS_PER_SECOND = 1_000_000_000n;

/** Which names each address had lately. Time comes in as an argument, on one clock. */
export type NameBook = {
  /** Whether anything is known now that was not before. */
  readonly add: (resolved: ResolvedName, nowNs: bigint) => boolean;
  /** Forgets what has expired; whether anything has. */
  readonly expire: (nowNs: bigint) => boolean;
  /** In order of the addresses. */
  readonly addresses: () => readonly NamedAddress[];
  /** The name that an address got last; undefined where it has none. */
  readonly nameOf: (address: Uint8Array) => string | undefined;
  /** Everything, to be taken up by `load` on the same clock. */
  readonly dump: () => readonly StoredName[];
  readonly load: (stored: readonly StoredName[]) => void;
};

/** The address as 32 hexadecimal digits, the time as decimal digits. */
export type StoredName = { readonly address: string; readonly name: string; readonly untilNs: string };

/** `format` writes 16 bytes as the address people read. */
export function createNameBook(format: (address: Uint8Array) => string): NameBook {
  /** Address as hexadecimal digits → name → until when. */
  const book = new Map<string, Map<string, bigint>>();

  function forgetSoonest(): void {
    const untilOf = (names: ReadonlyMap<string, bigint>) =>
      [...names.values()].reduce((a, b) => (a > b ? a : b), 0n);
    let soonest: { readonly key: string; readonly until: bigint } | undefined;
    for (const [key, names] of book) {
      const until = untilOf(names);
      if (soonest === undefined || until < soonest.until) soonest = { key, until };
    }
    if (soonest !== undefined) book.delete(soonest.key);
  }

  return {
    add: ({ name, address, ttlSeconds }, nowNs) => {
      const key = Buffer.from(address).toString("hex");
      const seconds = Math.min(Math.max(ttlSeconds, TTL_SECONDS_MIN), TTL_SECONDS_MAX);
      const until = nowNs + BigInt(Math.floor(seconds)) * NS_PER_SECOND;
      const names = book.get(key) ?? new Map<string, bigint>();
      const before = names.get(name);
      // The newest comes last, so that `nameOf` finds it.
      names.delete(name);
      names.set(name, before !== undefined && before > until ? before : until);
      if (names.size > NAMES_MAX) {
        const [first] = [...names].sort(([, a], [, b]) => (a < b ? -1 : 1));
        if (first !== undefined) names.delete(first[0]);
      }
      if (!book.has(key) && book.size >= ADDRESSES_MAX) forgetSoonest();
      book.set(key, names);
      return before === undefined;
    },
    expire: (nowNs) => {
      let changed = false;
      for (const [key, names] of book) {
        for (const [name, until] of names) {
          if (until > nowNs) continue;
          names.delete(name);
          changed = true;
        }
        if (names.size === 0) book.delete(key);
      }
      return changed;
    },
    addresses: () =>
      [...book]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, names]) => ({
          address: format(Buffer.from(key, "hex")),
          names: [...names.keys()].sort(),
        })),
    dump: () =>
      [...book].flatMap(([address, names]) =>
        [...names].map(([name, until]) => ({ address, name, untilNs: String(until) })),
      ),
    load: (stored) => {
      for (const { address, name, untilNs } of stored.slice(0, ADDRESSES_MAX)) {
        const names = book.get(address) ?? new Map<string, bigint>();
        names.set(name, BigInt(untilNs));
        book.set(address, names);
      }
    },
    nameOf: (address) => [...(book.get(Buffer.from(address).toString("hex"))?.keys() ?? [])].at(-1),
  };
}
