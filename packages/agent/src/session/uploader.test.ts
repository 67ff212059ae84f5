/** Reports on their way, with a real controller and a disk that fails. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ExecBatchSchema, FlowBatchSchema } from "@ringwall/protocol/agent";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestController, type TestController } from "../testing/test-controller.ts";
import { type ControllerClient, connectController } from "./client.ts";
import { ensureEnrolled } from "./ensure-enrolled.ts";
import { openSpool } from "./spool.ts";
import { createUploader } from "./uploader.ts";

let controller: TestController;
let client: ControllerClient;
let folder: string;

beforeEach(async () => {
  controller = await startTestController();
  folder = mkdtempSync(`${tmpdir()}/ringwall-uploader-`);
  const tokenFile = `${folder}/token`;
  writeFileSync(tokenFile, controller.token());
  const signal = AbortSignal.timeout(8000);
  const { credentials } = await ensureEnrolled({
    options: { stateDir: folder, pinDir: "/none", cgroup: "/none", tokenFile, signal },
    hostName: "web-1",
    addresses: () => ["192.0.2.1"],
    version: "0.1.0",
    nowMs: Date.now,
    onWaiting: () => undefined,
    onUnusable: () => undefined,
  });
  client = connectController(controller.url, credentials);
});
afterEach(async () => {
  client.close();
  await controller.close();
  rmSync(folder, { recursive: true });
});

function batch(batchId: string, lost: Record<string, bigint> = {}): Uint8Array {
  return toBinary(FlowBatchSchema, create(FlowBatchSchema, { workload: "web-1", batchId, lost }));
}

test("a report whose file was removed or emptied counts as lost, and holds up none behind it", async () => {
  const spool = await openSpool(folder);
  for (const [batchId, rows] of [
    ["removed", 2],
    ["emptied", 3],
    ["whole", 4],
  ] as const)
    await spool.add({ kind: "flows", rows, bytes: batch(batchId) });
  const [removed = "", emptied = ""] = readdirSync(`${folder}/spool`).sort();
  rmSync(`${folder}/spool/${removed}`);
  writeFileSync(`${folder}/spool/${emptied}`, "");
  const problems: string[] = [];
  const uploader = createUploader(
    spool,
    () => client,
    (message) => problems.push(message),
  );
  await uploader.flush();
  expect(controller.flows.map(({ batchId }) => batchId)).toEqual(["whole"]);
  expect(uploader.losses()).toEqual({ spoolFull: 0, refused: 5 });
  expect(problems).toHaveLength(2);
  expect(spool.size().reports).toBe(0);

  rmSync(`${folder}/spool`, { recursive: true });
  await uploader.add({ kind: "flows", rows: 1, bytes: batch("later") });
  await uploader.settled();
  expect(controller.flows.map(({ batchId }) => batchId)).toEqual(["whole", "later"]);
});

test("what waits goes several reports at once, but those that tell of other losses after those before them", async () => {
  const spool = await openSpool(folder);
  for (const [batchId, lost] of [["a"], ["b", 1n], ["c", 1n], ["d", 0n]] as const)
    await spool.add({
      kind: "flows",
      rows: 1,
      bytes: batch(batchId, lost === undefined ? {} : { refused: lost }),
    });
  const execs = create(ExecBatchSchema, { workload: "web-1", batchId: "e" });
  await spool.add({ kind: "execs", rows: 1, bytes: toBinary(ExecBatchSchema, execs) });
  const together: string[][] = [];
  let underWay: string[] = [];
  // The real client, whose calls set out when no further one comes.
  const slow: ControllerClient = {
    ...client,
    service: {
      ...client.service,
      reportFlows: async (...args) => {
        if (underWay.length === 0) together.push(underWay);
        underWay.push(args[0].batchId ?? "");
        await sleep(300);
        underWay = [];
        return client.service.reportFlows(...args);
      },
    },
  };
  const uploader = createUploader(
    spool,
    () => slow,
    () => undefined,
  );
  await uploader.flush();
  expect(together).toEqual([["a"], ["b", "c"], ["d"]]);
  expect(controller.flows.map((flow) => flow.batchId).sort()).toEqual(["a", "b", "c", "d"]);
  expect(controller.execs).toHaveLength(1);
  expect(spool.size().reports).toBe(0);
});

test("of reports that go together, only what the controller took is gone", async () => {
  const spool = await openSpool(folder);
  for (const batchId of ["a", "b", "c"]) await spool.add({ kind: "flows", rows: 1, bytes: batch(batchId) });
  let broken = true;
  const partly: ControllerClient = {
    ...client,
    service: {
      ...client.service,
      reportFlows: async (...args) => {
        if (broken && args[0].batchId === "b") throw new ConnectError("away", Code.Unavailable);
        return client.service.reportFlows(...args);
      },
    },
  };
  const uploader = createUploader(
    spool,
    () => partly,
    () => undefined,
  );
  await uploader.flush();
  expect(spool.size().reports).toBe(1);
  broken = false;
  await uploader.flush();
  expect(controller.flows.map((flow) => flow.batchId).sort()).toEqual(["a", "b", "c"]);
  expect(spool.size().reports).toBe(0);
});

test.skipIf(process.getuid?.() !== 0)(
  "on a full disk a report goes straight to the controller; without one it stays the caller's",
  async () => {
    const small = `${folder}/small`;
    mkdirSync(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "small", small]);
    try {
      const spool = await openSpool(small);
      let away = true;
      const reached = () => (away ? null : client);
      const uploader = createUploader(spool, reached, () => undefined);
      await uploader.add({ kind: "flows", rows: 1, bytes: batch("a") });
      expect(() => writeFileSync(`${small}/ballast`, new Uint8Array(1 << 20))).toThrow("ENOSPC");
      await expect(uploader.add({ kind: "flows", rows: 1, bytes: batch("b") })).rejects.toThrow("ENOSPC");
      expect(spool.size().reports).toBe(1);
      away = false;
      await uploader.add({ kind: "flows", rows: 1, bytes: batch("b") });
      await uploader.settled();
      expect(controller.flows.map((flow) => flow.batchId)).toEqual(["a", "b"]);
      expect(spool.size().reports).toBe(0);
    } finally {
      execFileSync("umount", [small]);
    }
  },
);

test("reports that are damaged on disk are dropped and counted, and the count outlives the agent", async () => {
  const spool = await openSpool(folder);
  for (const rows of [1, 2, 3, 4, 5, 6, 7])
    await spool.add({ kind: "flows", rows, bytes: batch(String(rows)) });
  for (const file of readdirSync(`${folder}/spool`))
    writeFileSync(`${folder}/spool/${file}`, new Uint8Array(16).fill(0xff));
  const uploader = createUploader(
    spool,
    () => client,
    () => undefined,
  );
  await uploader.add({ kind: "flows", rows: 1, bytes: batch("b") });
  await uploader.settled();
  expect(controller.flows.map((flow) => flow.batchId)).toEqual(["b"]);
  const next = createUploader(
    await openSpool(folder),
    () => client,
    () => undefined,
  );
  expect(next.losses()).toEqual({ spoolFull: 0, refused: 28 });
});
