import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Level, State, Verdict } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeFlows } from "../../ingest/decode-flows.ts";
import { flowBatch, type TestFlow } from "../../testing/flow-batches.ts";
import { batchKeyOf, createBatchMemory } from "./batch-memory.ts";
import { loadConnections } from "./connections.ts";
import { startChdb } from "./engine/chdb-engine.ts";
import { type FlowStore, openFlowStore } from "./flow-store.ts";
import { migrateFlows } from "./migrate.ts";

const folder = mkdtempSync(path.join(tmpdir(), "ringwall-flows-"));
let store: FlowStore;
let kill: () => void;

async function open(): Promise<void> {
  const engine = await startChdb(folder, () => undefined);
  kill = () => process.kill(engine.pid() ?? 0, "SIGKILL");
  await migrateFlows(engine, 30);
  store = await openFlowStore(engine);
}

beforeAll(open);
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function send(workload: string, batchId: string, flows: readonly TestFlow[]) {
  for (const { local } of flows) if (!local.startsWith("127.")) owners.set(`::ffff:${local}`, workload);
  const decoded = decodeFlows(flowBatch(workload, batchId, flows), Date.now());
  if (!decoded.ok) throw new Error(decoded.error);
  return store.storeFlows(workload, decoded.value);
}

/** Which workload reports from which address, as the inventory would say. */
const owners = new Map<string, string>();

async function edges(from: string) {
  const all = await loadConnections(store.engine, {
    fromMs: Date.now() - 3_600_000,
    untilMs: Date.now() + 60_000,
    slotSeconds: 3600,
    perSlot: false,
    owners,
    limit: 1000,
  });
  return all.connections.filter((row) => row.src === `::ffff:${from}`);
}

const exeOf = (id: string) => store.processes.get(id as never)?.exe ?? null;

describe("flow store", () => {
  it("keeps the name that the source's resolver gave for the destination, also where both ends reported", async () => {
    const there = { local: "10.12.8.1", peer: "10.12.8.2" };
    await send("named-1", "a", [
      { ...there, direction: "outbound", port: 443, fqdn: "api.example" },
      { ...there, direction: "outbound", port: 80 },
    ]);
    await send("named-2", "a", [{ local: "10.12.8.2", peer: "10.12.8.1", direction: "inbound", port: 443 }]);
    const rows = (await edges("10.12.8.1")).toSorted((a, b) => a.port - b.port);
    expect(rows.map((row) => [row.port, row.reporter, row.fqdn])).toEqual([
      [80, "source", ""],
      [443, "joined", "api.example"],
    ]);
  });

  it("asked for what was denied only, says the same of it as when asked for everything", async () => {
    const row = { local: "10.9.9.1", peer: "10.9.9.2", proto: 6, state: State.DENIED } as const;
    const denies = { verdict: Verdict.WOULD_BLOCK, state: State.ESTABLISHED } as const;
    await send("denied-1", "a", [
      { ...row, direction: "outbound", port: 1, state: State.ESTABLISHED },
      { ...row, direction: "outbound", port: 2, state: State.ESTABLISHED },
      { ...row, direction: "outbound", port: 3, verdict: Verdict.BLOCKED, rule: "p/r", count: 5 },
    ]);
    await send("denied-2", "a", [
      { ...row, ...denies, direction: "inbound", local: row.peer, peer: row.local, port: 2 },
      {
        ...row,
        direction: "inbound",
        local: row.peer,
        peer: "198.51.100.7",
        port: 4,
        verdict: Verdict.BLOCKED,
      },
    ]);
    const times = { fromMs: Date.now() - 3_600_000, untilMs: Date.now() + 60_000, slotSeconds: 3600 };
    const query = { ...times, perSlot: false, owners, limit: 1000 };
    const all = (await loadConnections(store.engine, query)).connections;
    const some = (await loadConnections(store.engine, { ...query, deniedOnly: true })).connections;
    expect(some.filter((one) => one.verdict !== "allowed")).toEqual(
      all.filter((one) => one.verdict !== "allowed"),
    );
    expect(some.map((one) => one.port).sort()).toEqual([2, 3, 4]);
  });

  it("says how surely the receiving end knew the other, and never more than its weakest report", async () => {
    const out = { direction: "outbound", local: "10.9.8.1", peer: "10.9.8.2" } as const;
    const back = { direction: "inbound", local: "10.9.8.2", peer: "10.9.8.1" } as const;
    const { IN_BAND, ADDRESS } = Level;
    await send("sure-1", "a", [
      { ...out, port: 1, level: IN_BAND },
      { ...out, port: 2, level: IN_BAND },
      { ...out, port: 3, level: ADDRESS },
      { ...out, port: 4, level: IN_BAND },
    ]);
    await send("sure-2", "a", [
      { ...back, port: 1, level: IN_BAND },
      // Refused without a proof beside what passed with one.
      { ...back, port: 1, level: ADDRESS, verdict: Verdict.BLOCKED, state: State.DENIED },
      { ...back, port: 2, level: IN_BAND },
      { ...back, port: 2, level: ADDRESS },
      { ...back, port: 3, level: IN_BAND },
    ]);
    await send("sure-2", "b", [{ ...back, port: 9 }]);
    const rows = (await edges("10.9.8.1")).toSorted((a, b) => a.port - b.port);
    expect(rows.map((row) => [row.port, row.reporter, row.known])).toEqual([
      [1, "joined", "in-band"],
      [2, "joined", "address"],
      [3, "joined", "in-band"],
      [4, "source", "in-band"],
      [9, "destination", "unknown"],
    ]);
  });

  it("counts a connection that both ends reported once, with the software of both", async () => {
    await send("app-1", "a", [
      {
        direction: "outbound",
        local: "10.1.0.1",
        peer: "10.1.0.2",
        port: 5432,
        exe: "/usr/bin/python3",
        count: 7,
      },
    ]);
    await send("db-1", "a", [
      {
        direction: "inbound",
        local: "10.1.0.2",
        peer: "10.1.0.1",
        port: 5432,
        exe: "/usr/bin/postgres",
        count: 7,
      },
    ]);
    const rows = await edges("10.1.0.1");
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      src_workload: "app-1",
      dst_workload: "db-1",
      reporter: "joined",
      verdict: "allowed",
      count: 7,
      port: 5432,
    });
    expect([exeOf(rows[0]?.src_process ?? ""), exeOf(rows[0]?.dst_process ?? "")]).toEqual([
      "/usr/bin/python3",
      "/usr/bin/postgres",
    ]);
  });

  it("joins reports of hosts with several addresses, whatever address the source takes for its own", async () => {
    owners.set("::ffff:10.1.1.1", "multi-1");
    await send("multi-1", "a", [
      {
        direction: "outbound",
        local: "10.1.1.99",
        peer: "10.1.1.2",
        port: 80,
        exe: "/usr/bin/curl",
        count: 2,
      },
    ]);
    await send("web-9", "a", [
      {
        direction: "inbound",
        local: "10.1.1.2",
        peer: "10.1.1.1",
        port: 80,
        exe: "/usr/sbin/nginx",
        count: 2,
      },
    ]);
    const rows = await edges("10.1.1.1");
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      src_workload: "multi-1",
      dst_workload: "web-9",
      reporter: "joined",
      count: 2,
    });
    expect(await edges("10.1.1.99")).toEqual([]);
  });

  it("keeps what only the destination reported, without a source process", async () => {
    await send("web-1", "b", [
      {
        direction: "inbound",
        local: "10.2.0.2",
        peer: "10.2.0.1",
        port: 80,
        exe: "/usr/sbin/nginx",
        count: 3,
      },
    ]);
    const rows = await edges("10.2.0.1");
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      reporter: "destination",
      src_process: "0",
      count: 3,
      dst_workload: "web-1",
    });
  });

  it("does not claim that the destination saw what the source refused", async () => {
    const pair = { local: "10.13.0.1", peer: "10.13.0.2", port: 5432 };
    await send("app-13", "m", [
      { direction: "outbound", ...pair, exe: "/opt/api" },
      { direction: "outbound", ...pair, exe: "/opt/other", state: State.DENIED, verdict: Verdict.BLOCKED },
    ]);
    await send("db-13", "m", [
      { direction: "inbound", local: pair.peer, peer: pair.local, port: 5432, exe: "/opt/postgres" },
    ]);
    const rows = await edges("10.13.0.1");
    const reporters = rows.map((row) => [row.verdict, row.reporter]).toSorted();
    expect(reporters).toEqual([
      ["allowed", "joined"],
      ["blocked", "source"],
    ]);
  });

  it("calls a connection blocked that the source let out and the destination refused", async () => {
    await send("app-1", "c", [
      {
        direction: "outbound",
        local: "10.3.0.1",
        peer: "10.3.0.2",
        port: 22,
        exe: "/usr/bin/ssh",
        state: State.REFUSED,
      },
    ]);
    await send("db-1", "c", [
      {
        direction: "inbound",
        local: "10.3.0.2",
        peer: "10.3.0.1",
        port: 22,
        exe: "/usr/sbin/sshd",
        state: State.DENIED,
        verdict: Verdict.BLOCKED,
        rule: "crm/no ssh",
      },
    ]);
    const rows = await edges("10.3.0.1");
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ verdict: "blocked", rule: "crm/no ssh", reporter: "joined" });
  });

  it("does not call an established connection blocked because another one was", async () => {
    await send("app-1", "d", [
      { direction: "outbound", local: "10.4.0.1", peer: "10.4.0.2", port: 22, exe: "/usr/bin/ssh" },
    ]);
    await send("db-1", "d", [
      { direction: "inbound", local: "10.4.0.2", peer: "10.4.0.1", port: 22, verdict: Verdict.BLOCKED },
      {
        direction: "inbound",
        local: "10.4.0.2",
        peer: "10.4.0.1",
        port: 22,
        verdict: Verdict.WOULD_BLOCK,
        rule: "x/y",
      },
    ]);
    expect((await edges("10.4.0.1"))[0]).toMatchObject({ verdict: "would-block", rule: "x/y" });
  });

  it("tells the loopback traffic of two hosts apart", async () => {
    const row = { direction: "outbound", local: "127.0.0.1", peer: "127.0.0.1", port: 6379 } as const;
    await send("a-1", "e", [row, { ...row, direction: "inbound", exe: "/usr/bin/redis-a" }]);
    await send("a-2", "e", [row, { ...row, direction: "inbound", exe: "/usr/bin/redis-b" }]);
    const rows = await edges("127.0.0.1");
    expect(rows.map((one) => [one.src_workload, exeOf(one.dst_process)]).sort()).toEqual([
      ["a-1", "/usr/bin/redis-a"],
      ["a-2", "/usr/bin/redis-b"],
    ]);
  });

  it("stores a repeated batch once, also when both uploads run at the same time", async () => {
    const flows = [
      { direction: "outbound", local: "10.5.0.1", peer: "10.5.0.2", port: 443, count: 5 },
    ] as const;
    const both = await Promise.all([send("app-1", "f", flows), send("app-1", "f", flows)]);
    expect(both.map((one) => one.kind).sort()).toEqual(["repeated", "stored"]);
    expect((await send("app-1", "f", flows)).kind).toBe("repeated");
    expect((await edges("10.5.0.1"))[0]?.count).toBe(5);
  });

  it("takes names shaped like SQL and control characters as text", async () => {
    const exe = "/tmp/'); DROP TABLE ringwall.flow_reports; --\t\n\\'\"`";
    const rule = "p/'; SELECT sleep(3) -- \t\\N";
    await send("app-1", "g", [
      {
        direction: "outbound",
        local: "10.6.0.1",
        peer: "10.6.0.2",
        port: 1,
        exe,
        verdict: Verdict.WOULD_BLOCK,
        rule,
      },
    ]);
    const [row] = await edges("10.6.0.1");
    expect(row?.rule).toBe(rule);
    expect(exeOf(row?.src_process ?? "")).toBe(exe);
    await store.close();
    await open();
    expect(exeOf(row?.src_process ?? "")).toBe(exe);
  });

  it("still knows a stored batch after it was started anew", async () => {
    const before = await store.count();
    const flows = [
      { direction: "outbound", local: "10.5.0.1", peer: "10.5.0.2", port: 443, count: 5 },
    ] as const;
    expect((await send("app-1", "f", flows)).kind).toBe("repeated");
    expect(await store.count()).toBe(before);
  });

  it("stores more batches than it remembers, and still none of them twice", async () => {
    const asked: string[] = [];
    const engine = {
      ...store.engine,
      query: <Row>(sql: string, parameters = {}) => {
        asked.push(sql);
        return store.engine.query<Row>(sql, parameters);
      },
    };
    let clockMs = Date.now();
    const memory = createBatchMemory(engine, "flow_reports", () => clockMs);
    clockMs += 86_400_000;
    const fresh = await memory.once(batchKeyOf("app-1", "of today"), clockMs, async () => "stored");
    expect([fresh, asked]).toEqual(["stored", []]);
    const old = await memory.once(batchKeyOf("app-1", "f"), clockMs - 2 * 86_400_000, async () => "twice");
    expect([old, asked.length]).toEqual([{ kind: "repeated" }, 1]);
  });

  it("goes on after its process was killed, with everything that was acknowledged", async () => {
    const before = await store.count();
    kill();
    const retry = async (): Promise<number> => {
      try {
        return await store.count();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return retry();
      }
    };
    expect(await retry()).toBe(before);
    await send("app-1", "h", [{ direction: "outbound", local: "10.7.0.1", peer: "10.7.0.2", port: 443 }]);
    expect(await store.count()).toBe(before + 1);
  });
});
