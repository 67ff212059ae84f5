import { describe, expect, test } from "vitest";
import { KernelMap, mapType, u32 } from "./kernel-map.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

describe.skipIf(whyNoKernelTests("kernel-map.test.ts") !== undefined)("a kernel map", () => {
  test.each([0, 1, 2047, 2048, 2049, 20_000])(
    "gives out each of %d entries once, and is empty then",
    (count) => {
      const map = KernelMap.create("rw_test", mapType.hash, 4, 8, 32_768);
      try {
        const keys = new Uint8Array(count * 4);
        const view = new DataView(keys.buffer);
        for (let i = 0; i < count; i++) view.setUint32(i * 4, i * 7919, true);
        map.setMany(keys, new Uint8Array(count * 8), count);
        const seen = new Set<number>();
        for (const chunk of map.take()) {
          for (let i = 0; i < chunk.count; i++) seen.add(chunk.keys.getUint32(i * 4, true));
        }
        expect(seen.size).toBe(count);
        expect([...map.keys()]).toHaveLength(0);
      } finally {
        map.close();
      }
    },
  );

  test("that is closed touches no map that got its descriptor's number since", () => {
    const closed = KernelMap.create("rw_test", mapType.hash, 4, 4, 8);
    const { fd } = closed;
    closed.close();
    const other = KernelMap.create("rw_other", mapType.hash, 4, 4, 8);
    try {
      expect(other.fd).toBe(fd);
      expect(() => closed.set(u32(1), u32(2))).toThrow("EBADF");
      closed.close();
      expect(other.isEmpty()).toBe(true);
    } finally {
      other.close();
    }
  });
});
