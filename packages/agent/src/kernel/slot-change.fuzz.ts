import fc from "fast-check";
import { expect, it } from "vitest";
import type { PolicyEntry } from "./contract.ts";
import { type SlotEntries, slotChange } from "./slot-change.ts";
import { allow, deny } from "./testing/policies.ts";

const entry = fc
  .record({ subject: fc.nat(6), peer: fc.nat(6), rule: fc.nat(3), denied: fc.boolean(), in: fc.boolean() })
  .map(({ denied, in: isIn, ...rest }) =>
    (denied ? deny : allow)({ ...rest, direction: isIn ? ("in" as const) : ("out" as const) }),
  );
const keyOf = (one: PolicyEntry) => `${one.subject} ${one.peer} ${one.direction}`;
const policies = fc.uniqueArray(entry, { selector: keyOf, maxLength: 60 });
const subjects = fc.uniqueArray(fc.record({ identity: fc.nat(30), subject: fc.nat(4) }), {
  selector: (one) => one.identity,
});
const peers = fc
  .uniqueArray(fc.tuple(fc.nat(20), fc.nat(3), fc.boolean()), { selector: ([last]) => last })
  .map((all) =>
    all.map(([last, peerClass, self]) => ({
      address: new Uint8Array(16).fill(last, 15),
      prefixBits: 128,
      peerClass,
      self,
      managed: false,
    })),
  );
const slot = fc.record({ policies, subjects, peers });

it("what differs, written over what was there, is what should be there", () => {
  let inPlace = 0;
  fc.assert(
    fc.property(slot, slot, (from, to) => {
      const change = slotChange(from, to);
      if (change === null) return;
      inPlace++;
      const after = <T>(
        before: readonly T[],
        { set, remove }: { readonly set: readonly T[]; readonly remove: readonly T[] },
        key: (one: T) => string,
      ) => {
        const map = new Map(before.map((one) => [key(one), one]));
        for (const one of remove) expect(map.delete(key(one))).toBe(true);
        for (const one of set) map.set(key(one), one);
        return [...map.values()].toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
      };
      const sorted = <T>(all: readonly T[], key: (one: T) => string) =>
        all.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
      const identity = (one: SlotEntries["subjects"][number]) => String(one.identity);
      const address = (one: SlotEntries["peers"][number]) => Buffer.from(one.address).toString("hex");
      expect(after(from.policies, change.policies, keyOf)).toEqual(sorted(to.policies, keyOf));
      expect(after(from.subjects, change.subjects, identity)).toEqual(sorted(to.subjects, identity));
      expect(after(from.peers, change.peers, address)).toEqual(sorted(to.peers, address));
    }),
    { numRuns: 500 },
  );
  expect(inPlace).toBeGreaterThan(100);
});

it("one changed entry of ten thousand is one entry to write", () => {
  const many = Array.from({ length: 10_000 }, (_, i) => allow({ subject: i, peer: 1 }));
  const changed = many.map((one, i) => (i === 5000 ? { ...one, rule: 9 } : one));
  const rest = { peers: [], subjects: [] };
  const change = slotChange({ ...rest, policies: many }, { ...rest, policies: changed });
  expect(change?.policies).toEqual({ set: [changed[5000]], remove: [] });
  expect(slotChange({ ...rest, policies: [] }, { ...rest, policies: many })).toBeNull();
});
