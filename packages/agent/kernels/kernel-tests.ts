/** The agent's kernel tests, as they are, inside a guest. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { GuestResult } from "./guest.ts";

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** Files whose behaviour depends on the kernel. */
const FILES = `
  kernel/proof-tcp kernel/proof-attacks kernel/datagrams kernel/verdicts kernel/past-verdicts kernel/evasion kernel/devices
  kernel/cut kernel/hold kernel/processes kernel/exec-environment kernel/listen kernel/packet-sockets kernel/packets kernel/routes
  kernel/connection-end kernel/older kernel/tunnels kernel/ipsec
  exec/gate exec/exec-control exec/without-agent exec/memory drill/drill
`
  .trim()
  .split(/\s+/)
  .map((name) => `packages/agent/src/${name}.test.ts`);
/** An emulated processor is that many times slower, about: tests multiply their limits by it. */
const SLOWNESS = 10;
const CONSOLE_LINES = 40;
/** Beside much other work a test takes 3 to 15 s in a guest, loading a file's programs two minutes: these half of what it may. */
const FILES_PER_GUEST = 6;

/** Those files whose path contains one of the words; all without words. */
export function chooseTests(words: readonly string[]): readonly string[] {
  return FILES.filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
}

/** What each guest runs, one guest after another: what hangs in one takes nothing of the others' results along. */
export function splitTests(chosen: readonly string[]): readonly (readonly string[])[] {
  const guests = Math.ceil(chosen.length / FILES_PER_GUEST);
  return Array.from({ length: guests }, (_, guest) => chosen.filter((_, index) => index % guests === guest));
}

export function testScript(root: string, chosen: readonly string[]): string {
  return `cd '${root}' && scripts/node packages/agent/src/compile-ahead.ts && RINGWALL_TEST_SLOWNESS=${SLOWNESS} \\
  scripts/node node_modules/vitest/vitest.mjs run --project system --no-isolate ${chosen.join(" ")} \\
  --reporter=verbose --reporter=json \\
  --outputFile.json=/run/results/vitest.json 2>&1 | cat\n`;
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

export function readTests(result: GuestResult, folder: string): Totals {
  const file = path.join(folder, "vitest.json");
  if (!existsSync(file)) {
    console.log(`the guest ${result.timedOut ? "took too long" : "ended without a report"}`);
    console.log(result.console.trimEnd().split("\n").slice(-CONSOLE_LINES).join("\n"));
    return { passed: 0, failed: 1, skipped: 0 };
  }
  // Written by vitest's own JSON reporter, in the guest.
  const report = JSON.parse(readFileSync(file, "utf8")) as VitestReport;
  let broken = 0;
  for (const { name, status, message, assertionResults } of report.testResults) {
    if (status === "failed" && assertionResults.every((test) => test.status !== "failed")) {
      console.log(`failed: ${path.basename(name)}: ${message.split("\n")[0]}`);
      broken++;
    }
    for (const test of assertionResults) {
      if (test.status === "failed")
        console.log(`failed: ${test.fullName}\n  ${test.failureMessages[0]?.slice(0, 600)}`);
      if (test.status === "pending" || test.status === "skipped") console.log(`skipped: ${test.fullName}`);
    }
  }
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken,
    skipped: report.numPendingTests,
  };
}
