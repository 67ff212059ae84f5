/** The gate between the kernel's question and an answer, on real executions. */
import { execFile } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cgroupRoot, SLOWNESS, whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { ExecMount } from "../testing/exec-mount.ts";
import { type Gate, type GateAnswer, type GateQuestion, startGate } from "./gate-process.ts";
import { probeExecGate } from "./probe-gate.ts";

const why = whyNoKernelTests("gate.test.ts") ?? (await probeExecGate()).why;

describe.skipIf(why !== "")("the gate", () => {
  let mount: ExecMount;
  let gate: Gate | undefined;
  let asked: GateQuestion[];
  let denied: GateQuestion[];
  let expired: boolean[];
  let ends: string[];
  let answer: (path: string) => Promise<GateAnswer>;
  const allow = { allow: true, keep: true };
  const deny = { allow: false, keep: true };

  beforeEach(() => {
    mount = new ExecMount();
    asked = [];
    denied = [];
    expired = [];
    ends = [];
    answer = async () => allow;
  });
  afterEach(async () => {
    await gate?.stop();
    gate = undefined;
    mount.close();
  });

  async function start(failOpen = false, scope = ""): Promise<void> {
    gate = startGate({
      scope,
      paths: [mount.path],
      failOpen,
      onAsk: (question, file) => {
        asked.push(question);
        return answer(file);
      },
      onDenied: (question) => denied.push(question),
      onExpired: (_question, allowed) => expired.push(allowed),
      onUnmarked: () => undefined,
      onEnd: (how) => ends.push(how),
    });
    await gate.ready;
  }

  /** Executed by a shell in between: what the agent's own process starts is never asked about. */
  function run(path: string, ...cgroup: string[]): Promise<"ran" | "refused"> {
    const enter = 'test -z "$1" || echo $$ > "$1/cgroup.procs"; "$0"; exit $?';
    return new Promise((resolve) => {
      execFile("/bin/sh", ["-c", enter, path, ...cgroup], { timeout: 20_000 * SLOWNESS }, (error) =>
        resolve(error === null ? "ran" : "refused"),
      );
    });
  }

  test("asks once about a file, and again when it has changed", async () => {
    const program = mount.copy("/bin/true", "program");
    await start();
    expect(await run(program)).toBe("ran");
    expect(await run(program)).toBe("ran");
    expect(asked).toHaveLength(1);
    appendFileSync(program, "x");
    expect(await run(program)).toBe("ran");
    expect(asked).toHaveLength(2);
  });

  test("refuses before the program runs, each time, and says so", async () => {
    const program = mount.copy("/bin/true", "program");
    answer = async () => deny;
    await start();
    expect(await run(program)).toBe("refused");
    expect(await run(program)).toBe("refused");
    expect(asked).toHaveLength(1);
    await expect.poll(() => denied).toHaveLength(2);
    expect(denied[0]).toMatchObject({ key: asked[0]?.key, uid: 0 });
  });

  test("shows the file that is to be executed, whatever it is called", async () => {
    const program = mount.copy("/bin/true", "a b\nanswer 1 allow keep\n");
    let seen: Buffer | undefined;
    answer = async (file) => {
      seen = readFileSync(file);
      return deny;
    };
    await start();
    expect(await run(program)).toBe("refused");
    expect(seen?.equals(readFileSync(program))).toBe(true);
  });

  test("an answer that may not be kept is asked for again", async () => {
    const program = mount.copy("/bin/true", "program");
    answer = async () => ({ allow: true, keep: false });
    await start();
    await run(program);
    await run(program);
    expect(asked).toHaveLength(2);
  });

  test("an answer about a file that changes meanwhile is not kept", async () => {
    const program = mount.copy("/bin/true", "program");
    answer = async () => {
      if (asked.length === 1) appendFileSync(program, "x");
      return allow;
    };
    await start();
    await run(program);
    await run(program);
    expect(asked).toHaveLength(2);
  });

  test("another policy asks anew", async () => {
    const program = mount.copy("/bin/true", "program");
    await start();
    expect(await run(program)).toBe("ran");
    answer = async () => deny;
    await gate?.forget();
    expect(await run(program)).toBe("refused");
  });

  test.each([true, false])(
    "an agent that does not answer holds nobody up for long; then the fail mode decides (open: %s)",
    async (failOpen) => {
      const first = mount.copy("/bin/true", "first");
      const second = mount.copy("/bin/false", "second");
      answer = () => new Promise(() => undefined);
      await start(failOpen);
      expect(await run(first)).toBe(failOpen ? "ran" : "refused");
      await expect.poll(() => expired).toEqual([failOpen]);
      // Nobody is there to answer: the next is not held at all.
      await run(second);
      expect(asked).toHaveLength(1);
      await expect.poll(() => expired).toEqual([failOpen, failOpen]);
    },
  );

  test("processes of other control groups are none of its business", async () => {
    const program = mount.copy("/bin/true", "program");
    const name = `rwgate${process.pid}`;
    const cgroup = `${cgroupRoot()}/${name}`;
    mkdirSync(cgroup);
    try {
      answer = async () => deny;
      await start(false, `/${name}`);
      expect(await run(program)).toBe("ran");
      expect(await run(program, cgroup)).toBe("refused");
      expect(asked).toHaveLength(1);
    } finally {
      rmdirSync(cgroup);
    }
  });

  test("a script is asked about, and what interprets it", async () => {
    const interpreter = mount.copy("/bin/sh", "interpreter");
    const script = `${mount.path}/script`;
    writeFileSync(script, `#!${interpreter}\nexit 0\n`, { mode: 0o755 });
    await start();
    expect(await run(script)).toBe("ran");
    expect(asked).toHaveLength(2);
  });

  test("when it ends, nobody is asked any more", async () => {
    const program = mount.copy("/bin/true", "program");
    answer = async () => deny;
    await start();
    expect(await run(program)).toBe("refused");
    await gate?.stop();
    expect(await run(program)).toBe("ran");
  });
});
