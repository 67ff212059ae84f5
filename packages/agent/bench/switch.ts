/**
 * What it costs to put another policy in force on a host: 10,000 entries replaced, and one changed. Beside it nftables: a
 * set of 10,000 elements replaced in one transaction, and one element added to it.
 *
 *   scripts/node packages/agent/bench/switch.ts [ROUNDS]
 *
 * Interleaved, the order reversed every round. A figure is the median; a ratio is nftables' time by ours, round by round.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import type { PolicyEntry, SlotContents } from "../src/kernel/contract.ts";
import { TestHost } from "../src/kernel/testing/host.ts";
import { allow, peer, subjects } from "../src/kernel/testing/policies.ts";
import { formatGoal } from "./goal.ts";

/** Changes one after the other may come this much apart: before, the kernel may still be letting go of the last slot. */
const APART_MS = 100;

export interface SwitchCost {
  readonly entries: number;
  readonly rounds: number;
  readonly replaceMs: number;
  readonly changeMs: number;
  /** Straight after another change, as when revisions follow each other at once. */
  readonly changeAtOnceMs: number;
  readonly nftReplaceMs: number;
  readonly nftAddMs: number;
  readonly replaceRatio: number;
  readonly changeRatio: number;
}

interface Sample {
  readonly replace: number;
  readonly change: number;
  readonly atOnce: number;
}
interface NftSample {
  readonly replace: number;
  readonly add: number;
}

export async function measureSwitch(entries: number, rounds: number): Promise<SwitchCost> {
  const host = new TestHost("w");
  const folder = mkdtempSync(join(tmpdir(), "ringwall-bench-"));
  try {
    const nft = nftables(host, folder, entries);
    const ours: Sample[] = [];
    const theirs: NftSample[] = [];
    await ownRound(host, entries, 0);
    nft.round(0);
    for (let round = 1; round <= rounds; round++) {
      if (round % 2 === 0) theirs.push(nft.round(round));
      ours.push(await ownRound(host, entries, round));
      if (round % 2 === 1) theirs.push(nft.round(round));
    }
    return {
      entries,
      rounds,
      replaceMs: median(ours.map((one) => one.replace)),
      changeMs: median(ours.map((one) => one.change)),
      changeAtOnceMs: median(ours.map((one) => one.atOnce)),
      nftReplaceMs: median(theirs.map((one) => one.replace)),
      nftAddMs: median(theirs.map((one) => one.add)),
      replaceRatio: median(theirs.map((one, i) => one.replace / (ours[i]?.replace ?? Number.NaN))),
      changeRatio: median(theirs.map((one, i) => one.add / (ours[i]?.change ?? Number.NaN))),
    };
  } finally {
    await host.close();
    rmSync(folder, { recursive: true });
  }
}

/** Another policy altogether, then one entry of it, twice. */
async function ownRound(host: TestHost, entries: number, round: number): Promise<Sample> {
  const policies = policyOf(entries, round);
  const replace = await timed(() => provision(host, policies));
  // Both slots hold this policy now, as after any second change of it.
  await provision(host, withRule(policies, 1));
  await sleep(APART_MS);
  const change = await timed(() => provision(host, withRule(policies, 2)));
  const atOnce = await timed(() => provision(host, withRule(policies, 3)));
  await sleep(APART_MS);
  return { replace, change, atOnce };
}

let generation = 0n;
async function provision(host: TestHost, policies: readonly PolicyEntry[]): Promise<void> {
  const contents: Partial<SlotContents> = {
    generation: ++generation,
    modeOut: "block",
    policies,
    peers: [peer("127.0.0.1", 3)],
    subjects: subjects(7),
  };
  await host.provision(contents);
}

/** No key of one round is one of the round before. */
function policyOf(entries: number, round: number): readonly PolicyEntry[] {
  const base = 2 + (round % 2) * entries;
  return Array.from({ length: entries }, (_, i) =>
    allow({ subject: base + i, peer: i % 500, port: i % 60_000, portBits: 16, rule: i + 1 }),
  );
}

function withRule(policies: readonly PolicyEntry[], rule: number): readonly PolicyEntry[] {
  const middle = Math.floor(policies.length / 2);
  return policies.map((one, i) => (i === middle ? { ...one, rule: 100_000 + rule } : one));
}

/** The same number of addresses and ports in a set that a rule looks up. */
function nftables(host: TestHost, folder: string, entries: number) {
  const elements = (round: number) =>
    Array.from({ length: entries }, (_, i) => {
      const number = i + (round % 2) * entries;
      return `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255} . ${(i % 60_000) + 1}`;
    });
  const run = (file: string) => execFileSync("nsenter", [`--net=/run/netns/${host.name}`, "nft", "-f", file]);
  const write = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  run(
    write(
      "table.nft",
      [
        "table inet bench {",
        "  set allowed { type ipv4_addr . inet_service; }",
        "  chain output { type filter hook output priority 0; policy accept; ip daddr . tcp dport @allowed accept; }",
        "}",
      ].join("\n"),
    ),
  );
  return {
    round: (round: number): NftSample => {
      const list = elements(round).join(", ");
      const replaceFile = write(
        "replace.nft",
        `flush set inet bench allowed\nadd element inet bench allowed { ${list} }\n`,
      );
      const addFile = write(
        "add.nft",
        `add element inet bench allowed { 192.0.2.${(round % 250) + 1} . 443 }\n`,
      );
      return { replace: timedSync(() => run(replaceFile)), add: timedSync(() => run(addFile)) };
    },
  };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function timedSync(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function formatSwitch(cost: SwitchCost): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}`;
  const hash = createHash("sha256").update(JSON.stringify(cost)).digest("hex").slice(0, 16);
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  const goal = (which: string, value: number, limit: number, more: string) =>
    formatGoal(`${which} of ${cost.entries} entries replaced`, value, limit, more, "ms");
  return [
    `another policy in force · ${cost.entries} entries · ${cost.rounds} rounds`,
    goal(
      "all",
      cost.replaceMs,
      100,
      `nftables ${ms(cost.nftReplaceMs)}, ${cost.replaceRatio.toFixed(1)} × ours`,
    ),
    goal(
      "one",
      cost.changeMs,
      1,
      `straight after another change ${ms(cost.changeAtOnceMs)}, ` +
        `nftables ${ms(cost.nftAddMs)}, ${cost.changeRatio.toFixed(1)} × ours`,
    ),
    `  ${machine} · result ${hash}`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { rounds } = takeNumbers(process, { rounds: 11 });
  console.log(formatSwitch(await measureSwitch(10_000, rounds)));
}
