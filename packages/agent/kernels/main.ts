// `make test-kernels`: this checkout's eBPF object and its tests on Debian's kernels under qemu.
//   scripts/node packages/agent/kernels/main.ts [--loads | --lab] [--only WORD]… [--keep DIR] [KERNEL…]
//   --loads  only what each kernel's verifier takes; --lab   only acts of `make lab`;
//   --only   only test files whose path has the word, and no loads, or with --lab the acts so named;
//   --keep   leaves consoles and reports in DIR
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { BadArgument, takeArguments } from "@ringwall/model/testing/arguments";
import { checkLoads } from "./check-loads.ts";
import { chooseWork } from "./choose-work.ts";
import { DEBIAN_KERNELS, type DebianKernel, type FetchedKernel, fetchKernel } from "./debian-kernels.ts";
import { runGuest } from "./guest.ts";
import { writeInitramfs } from "./initramfs.ts";
import { LAB_MACHINE, labScript, readLab } from "./kernel-lab.ts";
import { readTests, splitTests, type Totals, testScript } from "./kernel-tests.ts";

const agent = path.resolve(import.meta.dirname, "..");
const root = path.resolve(agent, "../..");
const cache = path.join(root, ".kernels");
const compiled = path.join(cache, "compiled");
/** Ends what hangs: beside other guests, on a busy machine, one takes four minutes. */
const LOADS_SECONDS_MAX = 600;
const TESTS_SECONDS_MAX = 3600;
const LAB_SECONDS_MAX = 3600;

const USAGE = "[--loads | --lab] [--only WORD]… [--keep DIR] [KERNEL…]";
const { keep, positionals, work } = takeArguments(process, USAGE, () => {
  const given = parseArgs({
    options: {
      loads: { type: "boolean", default: false },
      lab: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      keep: { type: "string" },
    },
    allowPositionals: true,
  });
  const unknown = given.positionals.filter((name) => !DEBIAN_KERNELS.some((kernel) => kernel.name === name));
  const names = DEBIAN_KERNELS.map((kernel) => kernel.name).join(", ");
  if (unknown.length > 0) throw new BadArgument(`no kernel \`${unknown.join("`, `")}\`; there are ${names}`);
  const { values, positionals } = given;
  return { keep: values.keep, positionals, work: chooseWork(values) };
});

const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
const scratch = keep ? path.resolve(keep) : mkdtempSync(path.join(tmpdir(), "ringwall-kernels-"));
try {
  const why = whyNotHere();
  const wanted = DEBIAN_KERNELS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const guests = wanted.flatMap((kernel) => prepare(kernel, why));
  if (work.loads) await sideBySide(guests, loadOn);
  for (const guest of guests) await testOn(guest);
  for (const guest of guests) await playOn(guest);
} finally {
  if (!keep) rmSync(scratch, { recursive: true, force: true });
}
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 ? 1 : 0;

type Guest = { readonly kernel: FetchedKernel; readonly initramfs: string };

/** What a guest needs, on this machine; nothing where it can't run, which is told. */
function prepare(kernel: DebianKernel, why: string | undefined): readonly Guest[] {
  const fetched = why ?? fetchKernel(kernel, cache);
  if (typeof fetched !== "string")
    return [{ kernel: fetched, initramfs: writeInitramfs(fetched, path.join(agent, "build/guest-init")) }];
  skip(kernel, fetched);
  return [];
}

/** As many at once as there are processors: a verifier takes one of its own, and nothing in it waits for a clock. */
async function sideBySide(guests: readonly Guest[], work: (guest: Guest) => Promise<void>): Promise<void> {
  const waiting = [...guests];
  const lane = async () => {
    for (let guest = waiting.shift(); guest !== undefined; guest = waiting.shift()) await work(guest);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
}

async function loadOn(guest: Guest): Promise<void> {
  const { name } = guest.kernel;
  const results = path.join(scratch, `${name}-loads`);
  const started = Date.now();
  const script = `'${agent}/build/ringwall-bpf' check --object '${agent}/build/ringwall.bpf.o' > /run/results/loads.json\n`;
  const result = await runGuest({ ...guest, results, compiled, script, secondsMax: LOADS_SECONDS_MAX });
  add(checkLoads(guest.kernel, result, results), `${name} loads`, started);
}

/** One guest at a time: what the tests in it wait for goes by its clock. */
async function testOn(guest: Guest): Promise<void> {
  const parts = splitTests(work.tests);
  for (const [index, files] of parts.entries()) {
    const what = `${guest.kernel.name} tests ${index + 1} of ${parts.length}`;
    const results = path.join(scratch, what.replaceAll(" ", "-"));
    const started = Date.now();
    const script = testScript(root, files);
    const result = await runGuest({ ...guest, results, compiled, script, secondsMax: TESTS_SECONDS_MAX });
    add(readTests(result, results), what, started);
  }
}

async function playOn(guest: Guest): Promise<void> {
  for (const act of work.acts) {
    const what = `${guest.kernel.name} lab ${act}`;
    const results = path.join(scratch, what.replaceAll(" ", "-"));
    const started = Date.now();
    const script = labScript(root, act);
    const machine = { ...LAB_MACHINE, secondsMax: LAB_SECONDS_MAX };
    const result = await runGuest({ ...guest, ...machine, results, compiled, script });
    add(readLab(result, results), what, started);
  }
}

function add(result: Totals, what: string, started: number): void {
  totals.passed += result.passed;
  totals.failed += result.failed;
  totals.skipped += result.skipped;
  const seconds = Math.round((Date.now() - started) / 1000);
  const { passed, failed, skipped } = result;
  console.log(`${what}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds} s`);
}

function skip(kernel: DebianKernel, why: string): void {
  console.log(`skipped: kernel ${kernel.name}: ${why}`);
  totals.skipped++;
}

/** Why no guest can run on this machine, in words. */
function whyNotHere(): string | undefined {
  if (process.arch !== "x64") return `Debian's amd64 kernels don't run on ${process.arch}`;
  for (const command of ["qemu-system-x86_64", "apt-get", "depmod", "xz"]) {
    try {
      execFileSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" });
    } catch {
      return `\`${command}\` is not installed; \`make setup\` installs it`;
    }
  }
  if (!existsSync(path.join(agent, "build/guest-init"))) return "run `make build` first";
  return undefined;
}
