/**
 * How long after its exec a script is known to the kernel by name, in milliseconds: the agent's answer, all of it real.
 *
 *   scripts/node packages/agent/bench/identify.ts [EXECS]
 *
 * A held SYN is sent again after 50 ms, so that is what an answer has to beat. `known`: executable and script were met
 * before; `new script`: a file nobody has read yet; `new executable`: a fresh copy of the interpreter, read and hashed.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import { createCgroupLookup } from "../src/identify/cgroups.ts";
import { createDigester } from "../src/identify/digest.ts";
import { openDigestCache } from "../src/identify/digest-cache.ts";
import { createIdentifier } from "../src/identify/identifier.ts";
import { createPackageLookup } from "../src/identify/packages.ts";
import type { ExecKey, Kernel } from "../src/kernel/contract.ts";
import { cgroupRoot } from "../src/kernel/testing/requirements.ts";
import { unloadPrograms } from "../src/kernel-instance.ts";
import { openInstance } from "../src/open-instance.ts";
import { wallNs } from "../src/state/clocks.ts";

const PYTHON = realpathSync("/usr/bin/python3");
const run = promisify(execFile);

export type IdentifyTimes = {
  readonly what: string;
  readonly execs: number;
  readonly p50: number;
  readonly max: number;
};

/** Runs `execs` short scripts of each kind, one after the other. */
export async function measureIdentify(execs: number): Promise<readonly IdentifyTimes[]> {
  const folder = mkdtempSync(`${tmpdir()}/ringwall-bench-`);
  const cgroup = `${cgroupRoot()}/rwbench${process.pid}`;
  mkdirSync(cgroup);
  const { kernel, book } = await openInstance(folder, `${folder}/bpf/bench`, cgroup, () => undefined);
  const delaysMs: number[] = [];
  const identifier = createIdentifier({
    kernel: timed(kernel, delaysMs),
    book,
    tools: {
      digester: createDigester(),
      cache: openDigestCache(folder),
      packages: createPackageLookup(),
      clock: { bootNs: kernel.bootNs, wallNs },
    },
    cgroups: createCgroupLookup(cgroupRoot() ?? "", "/"),
    userName: String,
    containers: async () => undefined,
    admit: async () => undefined,
    onSighting: () => undefined,
    onExecuted: async () => undefined,
  });
  const stream = kernel.onEvents((events) => {
    for (const event of events)
      if (event.type === "exec" && event.arguments[1] === "-S") void identifier.onExec(event);
  });
  async function measure(
    what: string,
    prepare: (i: number) => readonly [string, string],
  ): Promise<IdentifyTimes> {
    const prepared = Array.from({ length: execs }, (_, i) => prepare(i));
    // Older than two seconds, so that digests may be remembered.
    await sleep(2100);
    delaysMs.length = 0;
    for (const [executable, script] of prepared) {
      await run("/bin/sh", [
        "-c",
        'echo $$ > "$0/cgroup.procs" && exec "$@"',
        cgroup,
        executable,
        "-S",
        script,
      ]);
    }
    for (let tries = 0; tries < 100 && delaysMs.length < execs; tries++) await sleep(50);
    const sorted = [...delaysMs].sort((a, b) => a - b);
    return {
      what,
      execs: sorted.length,
      p50: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
      max: sorted.at(-1) ?? Number.NaN,
    };
  }
  const script = (i: number) => {
    const path = `${folder}/script${i}.py`;
    writeFileSync(path, `import time; time.sleep(0.3) # ${i}\n`);
    return path;
  };
  try {
    const first = script(-1);
    await measure("warm", () => [PYTHON, first]);
    return [
      await measure("known", () => [PYTHON, first]),
      await measure("new script", (i) => [PYTHON, script(i)]),
      await measure("new executable", (i) => {
        const copy = `${folder}/python3-${i}`;
        copyFileSync(PYTHON, copy);
        return [copy, first];
      }),
    ];
  } finally {
    stream.close();
    kernel.close();
    await unloadPrograms(`${folder}/bpf/bench`);
    rmSync(folder, { recursive: true });
    rmdirSync(cgroup);
  }
}

function timed(kernel: Kernel, delaysMs: number[]): Kernel {
  const note = (exec: ExecKey) => delaysMs.push(Number(kernel.bootNs() - exec.execNs) / 1e6);
  return {
    ...kernel,
    setResolution: (exec, answer) => {
      kernel.setResolution(exec, answer);
      note(exec);
    },
  };
}

async function main(): Promise<void> {
  const { execs } = takeNumbers(process, { execs: 40 });
  const times = await measureIdentify(execs);
  console.log(
    `agent answers after an exec, ${cpus().length} CPUs, Linux ${release()}, ${execs} execs of each kind`,
  );
  for (const { what, p50, max } of times)
    console.log(`  ${what.padEnd(16)} p50 ${p50.toFixed(2)} ms, max ${max.toFixed(2)} ms`);
  const answered = times.map(({ what, execs: count }) => `${what}:${count}`).join(" ");
  console.log(
    `  answered ${answered}, hash ${createHash("sha256").update(answered).digest("hex").slice(0, 12)}`,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
