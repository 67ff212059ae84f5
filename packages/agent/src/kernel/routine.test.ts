/** Executions of which the agent has said that it knows all of them are not told any more. */
import { rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ExecEvent } from "./contract.ts";
import { execsTold } from "./testing/events-told.ts";
import { TestHost } from "./testing/host.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const why = whyNoKernelTests("routine.test.ts");
const PROGRAM = "/bin/true";
const EXE = 5;

describe.skipIf(why !== undefined)("routine executions", () => {
  let host: TestHost;
  let first: ExecEvent;
  const told = async () => (await execsTold(host)).filter(({ filename }) => filename === PROGRAM).length;
  /** How many executions of the program are told and how many only counted, of one that is run like this. */
  const start = async (argv: readonly string[]) => {
    host.events.length = 0;
    const before = host.kernel.counters().routineExecs;
    expect((await host.run(argv)).code).toBe(0);
    return { told: await told(), counted: Number(host.kernel.counters().routineExecs - before) };
  };
  const learn = () => {
    const { file, uid, task } = first;
    host.kernel.exec.addRoutine({ file, uid, cgroupId: task.cgroupId, exeId: EXE });
  };

  beforeAll(async () => {
    host = new TestHost("r");
    await host.run([PROGRAM]);
    const seen = (await execsTold(host)).find(({ filename }) => filename === PROGRAM);
    if (seen === undefined) throw new Error("the execution was not told");
    first = seen;
  });
  beforeEach(() => {
    host.kernel.exec.clearRoutine();
    host.kernel.setExecutable(first.file, EXE, false);
  });
  afterAll(() => host.close());

  test("a known one is counted and not told, until it is forgotten", async () => {
    expect(await start([PROGRAM])).toEqual({ told: 1, counted: 0 });
    learn();
    expect(await start([PROGRAM])).toEqual({ told: 0, counted: 1 });
    host.kernel.exec.clearRoutine();
    expect(await start([PROGRAM])).toEqual({ told: 1, counted: 0 });
  });

  test("code from the environment, another user, another number, or an interpreter is told", async () => {
    learn();
    expect(await start(["/usr/bin/env", "LD_PRELOAD=", PROGRAM])).toEqual({ told: 1, counted: 0 });
    expect(await start(["/usr/bin/setpriv", "--reuid=65534", PROGRAM])).toEqual({ told: 1, counted: 0 });
    host.kernel.setExecutable(first.file, EXE + 1, false);
    expect(await start([PROGRAM])).toEqual({ told: 1, counted: 0 });
    host.kernel.setExecutable(first.file, EXE, true);
    expect(await start([PROGRAM])).toEqual({ told: 1, counted: 0 });
  });

  test("a script that the known program runs is told", async () => {
    learn();
    const script = `${host.folder}/script`;
    writeFileSync(script, `#!${PROGRAM}\n`, { mode: 0o755 });
    host.events.length = 0;
    expect((await host.run([script])).code).toBe(0);
    const seen = await execsTold(host);
    rmSync(script);
    expect(seen.some(({ filename }) => filename === script)).toBe(true);
  });

  test("more than there is room for empties the map, and is told again", async () => {
    learn();
    const { file, uid, task } = first;
    for (let i = 1; i <= 8192; i++) {
      const other = { ...file, inode: file.inode + BigInt(i) };
      host.kernel.exec.addRoutine({ file: other, uid, cgroupId: task.cgroupId, exeId: EXE });
    }
    expect(await start([PROGRAM])).toEqual({ told: 1, counted: 0 });
  });
});
