// `make test-kernels`: this checkout's eBPF object and its tests on Debian's kernels under qemu.
//   scripts/node packages/agent/kernels/main.ts [--loads] [--only WORD]… [--keep DIR] [KERNEL…]
//   --loads  only what each kernel's verifier takes; --only  only test files whose path has the word;
//   --keep   leaves consoles and reports in DIR
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { checkLoads } from "./check-loads.ts";
import { DEBIAN_KERNELS, type DebianKernel, fetchKernel } from "./debian-kernels.ts";
import { runGuest } from "./guest.ts";
import { writeInitramfs } from "./initramfs.ts";
import { chooseTests, readTests, type Totals, testScript } from "./kernel-tests.ts";

const agent = path.resolve(import.meta.dirname, "..");
const root = path.resolve(agent, "../..");
const cache = path.join(root, ".kernels");
const LOADS_SECONDS_MAX = 240;
const TESTS_SECONDS_MAX = 1500;

const { values, positionals } = parseArgs({
  options: {
    loads: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    keep: { type: "string" },
  },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !DEBIAN_KERNELS.some((kernel) => kernel.name === name));
if (unknown.length > 0) {
  const names = DEBIAN_KERNELS.map((kernel) => kernel.name).join(", ");
  console.error(`no kernel \`${unknown.join("`, `")}\`; there are ${names}`);
  process.exit(2);
}
const chosen = chooseTests(values.only);
if (chosen.length === 0) {
  // Vitest would take none for all of them.
  console.error(`no test file for the guests has \`${values.only.join("` or `")}\` in its path`);
  process.exit(2);
}

const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
const scratch = values.keep
  ? path.resolve(values.keep)
  : mkdtempSync(path.join(tmpdir(), "ringwall-kernels-"));
try {
  const why = whyNotHere();
  for (const kernel of DEBIAN_KERNELS) {
    if (positionals.length > 0 && !positionals.includes(kernel.name)) continue;
    if (why === undefined) await testOn(kernel);
    else skip(kernel, why);
  }
} finally {
  if (!values.keep) rmSync(scratch, { recursive: true, force: true });
}
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 ? 1 : 0;

async function testOn(kernel: DebianKernel): Promise<void> {
  const fetched = fetchKernel(kernel, cache);
  if (typeof fetched === "string") return skip(kernel, fetched);
  const initramfs = writeInitramfs(fetched, path.join(agent, "build/guest-init"));
  const loads = { kernel: fetched, initramfs, results: path.join(scratch, `${kernel.name}-loads`) };
  const started = Date.now();
  const script = `'${agent}/build/ringwall-bpf' check --object '${agent}/build/ringwall.bpf.o' > /run/results/loads.json\n`;
  const result = await runGuest({ ...loads, script, secondsMax: LOADS_SECONDS_MAX });
  add(checkLoads(fetched, result, loads.results), `${kernel.name} loads`, started);
  if (values.loads) return;
  const begun = Date.now();
  const tests = { ...loads, results: path.join(scratch, `${kernel.name}-tests`) };
  const ran = await runGuest({
    ...tests,
    script: testScript(root, chosen),
    secondsMax: TESTS_SECONDS_MAX,
  });
  add(readTests(ran, tests.results), `${kernel.name} tests`, begun);
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
