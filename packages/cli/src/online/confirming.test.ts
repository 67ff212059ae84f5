import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ChangeReply, RevisionView, SegmentView, StatusView } from "@ringwall/protocol/rest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHost, type TestHost } from "../testing/host.ts";
import { type Cli, createCli, printed, type Running, until } from "../testing/ringwall.ts";

/** Long enough for one more command on a busy machine. */
const CONFIRM_WITHIN = "8s";
const REVERT_MS_MAX = 30_000;
const START_MS_MAX = 60_000;

const POLICY = `
apiVersion: ringwall.dev/v1
kind: Workload
metadata: { name: db-1, labels: { role: db } }
spec: { addresses: [10.9.0.1] }
---
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: db }
spec: { workloads: { role: db }, modes: { inbound: observe, outbound: observe } }
`;

describe("block without locking oneself out", () => {
  let host: TestHost;
  let cli: Cli;
  let running: Running;

  beforeAll(async () => {
    host = createHost();
    cli = createCli(host.dataDir);
    running = cli.start("up", "--no-agent", "--listen", "127.0.0.1:0", "--listen-agents", "127.0.0.1:0");
    await printed(running, /sign-in\?token=/, START_MS_MAX);
    const dir = join(host.dataDir, "../policy");
    mkdirSync(dir);
    writeFileSync(join(dir, "policy.yaml"), POLICY);
    await cli.ask("apply", dir);
    await cli.ask("provision", "--note", "first");
    if ((await status()).pending !== null) await cli.ask("confirm");
  });
  afterAll(async () => {
    running.process.kill("SIGINT");
    await running.ended;
    host.remove();
  });

  const status = async () => (await cli.ask("status"))[0] as StatusView;
  const mode = async () => ((await cli.ask("get", "segments"))[0] as SegmentView).modes.inbound;
  const newest = async () => {
    const revisions = (await cli.ask("get", "revisions")) as RevisionView[];
    return revisions.reduce((one, other) => (one.revision > other.revision ? one : other));
  };

  it("a mode block reverts by itself after --confirm-within, and says so", async () => {
    const ended = await cli.type("mode", "db", "block", "--confirm-within", CONFIRM_WITHIN);
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toContain("it reverts by itself");
    expect(ended.stdout).toMatch(/ {2}\S*ringwall confirm\n/);
    expect(await mode()).toBe("block");
    await until("the reverted mode", REVERT_MS_MAX, async () =>
      (await mode()) === "observe" ? true : undefined,
    );
    expect((await status()).pending).toBeNull();
    // It is told after the hosts are.
    await until("its alert", REVERT_MS_MAX, async () =>
      ((await cli.ask("get", "alerts")) as { kind: string }[]).find(({ kind }) => kind === "reverted"),
    );
  });

  it("a confirmed mode block stays", async () => {
    const [reply] = await cli.ask("mode", "db", "block", "--confirm-within", CONFIRM_WITHIN);
    expect((await cli.type("confirm")).stdout).toContain("stays in force");
    const { pending } = reply as ChangeReply;
    expect(pending).not.toBeNull();
    await until("the deadline passed", REVERT_MS_MAX, () =>
      Date.now() > Date.parse(pending?.deadline ?? "") + 1000 ? true : undefined,
    );
    expect(await mode()).toBe("block");
    expect((await newest()).state).toBe("live");
  });

  it("a second change is refused by name while another waits, with exit code 1", async () => {
    await cli.ask("mode", "db", "observe");
    await cli.ask("mode", "db", "block", "--confirm-within", "60s");
    const ended = await cli.type("provision");
    expect(ended.code, ended.stderr).toBe(1);
    expect(ended.stderr).toContain("confirm");
    await cli.ask("confirm");
  });

  it("a rollback brings the mode of the earlier revision back", async () => {
    const { revision } = await newest();
    await cli.ask("rollback", String(revision - 1));
    expect(await mode()).toBe("observe");
    if ((await status()).pending !== null) await cli.ask("confirm");
  });

  it("a confirm that nothing waits for is the answer no", async () => {
    const ended = await cli.type("confirm");
    expect(ended.code, ended.stderr).toBe(1);
  });

  it("a broken policy file is refused with every place, and the draft stays", async () => {
    const before = await cli.ask("draft");
    const file = join(host.dataDir, "../broken.yaml");
    writeFileSync(
      file,
      "apiVersion: ringwall.dev/v1\nkind: Segment\nmetadata: { name: x }\nspec: { workload: {}, mode: blok }\n",
    );
    const ended = await cli.type("apply", file);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/broken\.yaml:4:\d+: error\[[a-z-]+\]/);
    expect(await cli.ask("draft")).toEqual(before);
  });
});
