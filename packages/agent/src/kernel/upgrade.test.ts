/** Another object takes the place of the one that is loaded: an agent that was upgraded has to know its maps again. */
import { appendFileSync, copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test, vi } from "vitest";
import { readMapsName } from "../state/clocks.ts";
import { KernelMap, room, u32 } from "./kernel-map.ts";
import { TestHost, wire } from "./testing/host.ts";
import { allow, subjects } from "./testing/policies.ts";
import { connect, serve } from "./testing/programs.ts";
import { OBJECT_PATH, whyNoKernelTests } from "./testing/requirements.ts";

const ETIMEDOUT = 110;
const SERVER = 21;
const STRANGER = 12;
/** In `struct rw_meta`. */
const LAYOUT_VERSION_AT = 44;

function isEmpty(value: DataView | undefined): boolean {
  return value !== undefined && new Uint8Array(value.buffer).every((byte) => byte === 0);
}

/** As if nothing were known of any connection, until what it returns is called; that leaves what came meanwhile. */
function hideConnections(host: TestHost): () => void {
  const map = KernelMap.openPinned(host.pin, "connections");
  const known = [...map.keys()].flatMap((key) => {
    const value = map.get(key);
    return value === undefined || isEmpty(value) ? [] : [{ key, value }];
  });
  for (const { key } of known) map.set(key, room(map.shape.valueBytes));
  return () => {
    for (const { key, value } of known) if (isEmpty(map.get(key))) map.set(key, value);
    map.close();
  };
}

describe.skipIf(whyNoKernelTests("upgrade.test.ts"))("an upgrade of the kernel programs", () => {
  test("keeps the name of the maps it takes over, so that the agent's journal still fits them", async () => {
    const host = new TestHost("a");
    const folder = mkdtempSync(`${tmpdir()}/ringwall-object-`);
    try {
      const other = `${folder}/ringwall.bpf.o`;
      copyFileSync(OBJECT_PATH, other);
      appendFileSync(other, "\0");
      const before = await readMapsName(host.pin);
      host.load(other);
      expect(await readMapsName(host.pin)).toBe(before);
    } finally {
      rmSync(folder, { recursive: true });
      host.close();
    }
  });

  test("with another room for flows keeps those that were counted, and counts on", async () => {
    const host = new TestHost("a");
    const folder = mkdtempSync(`${tmpdir()}/ringwall-object-`);
    try {
      const reach = async () =>
        (await host.ask<{ errno: number }>(connect("127.0.0.1", 8000), STRANGER)).errno;
      await host.start(serve("127.0.0.1", 8000), SERVER);
      await host.provision({ modeOut: "observe" });
      expect(await reach()).toBe(0);
      const other = `${folder}/ringwall.bpf.o`;
      copyFileSync(OBJECT_PATH, other);
      appendFileSync(other, "\0");
      host.load(other, "--flow-entries", "1000");
      host.reopen();
      expect(await reach()).toBe(0);
      const flows = (await host.flows()).filter(({ direction }) => direction === "out");
      expect(flows.map(({ port, count }) => [port, count])).toEqual([[8000, 2n]]);
    } finally {
      rmSync(folder, { recursive: true });
      await host.close();
    }
  });

  test("leaves no gap for a SYN that is held meanwhile: it is judged by the new programs", async () => {
    const [a, b] = [new TestHost("a"), new TestHost("b")];
    const folder = mkdtempSync(`${tmpdir()}/ringwall-object-`);
    try {
      wire(a, b);
      await b.start(serve("10.77.0.2", 8000), SERVER);
      await a.provision({ modeOut: "block", policies: [], subjects: [] });
      const other = `${folder}/ringwall.bpf.o`;
      copyFileSync(OBJECT_PATH, other);
      appendFileSync(other, "\0");
      a.answers = false;
      const before = a.kernel.counters().holds;
      const answer = a.ask<{ errno: number }>(connect("10.77.0.2", 8000, { timeoutS: 15 }), STRANGER);
      await vi.waitUntil(() => a.kernel.counters().holds > before, { timeout: 10_000, interval: 2 });
      a.load(other);
      expect((await answer).errno).toBe(ETIMEDOUT);
    } finally {
      rmSync(folder, { recursive: true });
      await a.close();
      await b.close();
    }
  });

  test("holds a SYN of which it knows nothing yet, until what was known of it is taken over", async () => {
    const [a, b] = [new TestHost("a"), new TestHost("b")];
    const folder = mkdtempSync(`${tmpdir()}/ringwall-object-`);
    try {
      wire(a, b);
      await b.start(serve("10.77.0.2", 8000), SERVER);
      const policies = [allow({ subject: STRANGER })];
      await a.provision({ modeOut: "block", policies, subjects: subjects(STRANGER) });
      const other = `${folder}/ringwall.bpf.o`;
      copyFileSync(OBJECT_PATH, other);
      appendFileSync(other, "\0");
      a.load(other);
      a.reopen();
      a.answers = false;
      const { holds, noState } = a.kernel.counters();
      const answer = a.ask<{ errno: number }>(connect("10.77.0.2", 8000, { timeoutS: 15 }), STRANGER);
      await vi.waitUntil(() => a.kernel.counters().holds > holds, { timeout: 10_000, interval: 2 });
      const putBack = hideConnections(a);
      await vi.waitUntil(() => a.kernel.counters().noState > noState, { timeout: 10_000, interval: 2 });
      putBack();
      a.answerAll();
      expect((await answer).errno).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
      await a.close();
      await b.close();
    }
  });

  test("never replaces newer programs by older ones: they stay, and it says what to do", async () => {
    const host = new TestHost("a");
    try {
      const meta = KernelMap.openPinned(host.pin, "meta");
      const value = meta.get(u32(0));
      if (value === undefined) throw new Error("nothing is pinned");
      value.setUint32(LAYOUT_VERSION_AT, value.getUint32(LAYOUT_VERSION_AT, true) + 1, true);
      value.setUint8(0, value.getUint8(0) ^ 1);
      meta.set(u32(0), value);
      meta.close();
      const before = readdirSync(`${host.pin}/links`).sort();
      expect(() => host.load()).toThrow(/of a newer version, and stay/);
      expect(readdirSync(`${host.pin}/links`).sort()).toEqual(before);
    } finally {
      await host.close();
    }
  });
});
