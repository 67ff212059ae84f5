// Full compile of selectors against a fleet as a ratio to a bare typed-array loop, and the cost of one label change.
//   scripts/node packages/policy/bench/compile.ts [--small]
import type { Segment, Workload } from "@ringwall/model";
import { createFleetIndex } from "../src/compile/fleet-index.ts";
import { createRandom, madeFleet } from "./lib/made-fleet.ts";
import { hashOf, median, percentile, printMachine, timed } from "./lib/report.ts";

const small = process.argv.includes("--small");
const SCALES = small
  ? [[500, 60]]
  : [
      [10_000, 1000],
      [100_000, 1000],
      [100_000, 10_000],
    ];
const ROUNDS = small ? 2 : 3;
const CHANGES = small ? 200 : 5000;

printMachine();
for (const [workloads = 0, segments = 0] of SCALES) {
  const fleet = madeFleet(workloads, segments);
  const selectors = fleet.segments.map((one) => one.spec.workloads);
  const ratios: number[] = [];
  const control: number[] = [];
  let compiledMs = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const bare = () => timed(() => bareLoop(fleet.workloads, fleet.segments));
    const ours = () => timed(() => createFleetIndex(fleet.workloads, selectors));
    // Ours stands between two bare loops; the second against the first is the control.
    const [first, expected] = bare();
    const [own, index] = ours();
    const [second] = bare();
    compare(expected, index.members, segments);
    compiledMs = own;
    ratios.push(own / Math.min(first, second));
    control.push(second / first);
  }
  const index = createFleetIndex(fleet.workloads, selectors);
  const hash = hashOf(selectors.map((_, i) => index.members(i).length));
  console.log(
    [
      `${workloads} workloads x ${segments} selectors: ${compiledMs.toFixed(0)} ms,`,
      `ratio to the bare loop ${median(ratios).toFixed(2)} (control ${median(control).toFixed(2)}); sets ${hash}`,
    ].join(" "),
  );
  if (segments === 1000 || small) printChange(fleet.workloads, index);
}

function printChange(workloads: readonly Workload[], index: ReturnType<typeof createFleetIndex>): void {
  const random = createRandom(5);
  const us: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    const at = Math.floor(random() * workloads.length);
    const other = workloads[Math.floor(random() * workloads.length)]?.metadata.labels ?? {};
    const [ms] = timed(() => index.relabel(at, other));
    us.push(ms * 1000);
  }
  console.log(
    `  one label change: p50 ${percentile(us, 0.5).toFixed(1)} us, p99 ${percentile(us, 0.99).toFixed(1)} us`,
  );
}

/** What there is to do at the least: every workload against every selector, labels as numbers in typed arrays. */
function bareLoop(workloads: readonly Workload[], segments: readonly Segment[]): readonly number[][] {
  const keys = ["app", "role", "env"] as const;
  const numbers = new Map<string, number>();
  const numberOf = (text: string | undefined): number => {
    const known = numbers.get(text ?? "");
    if (known !== undefined) return known;
    numbers.set(text ?? "", numbers.size);
    return numbers.size - 1;
  };
  const have = new Int32Array(workloads.length * 3);
  workloads.forEach(({ metadata }, w) => {
    keys.forEach((key, k) => {
      have[w * 3 + k] = numberOf(metadata.labels?.[key]);
    });
  });
  const want = new Int32Array(segments.length * 3);
  segments.forEach(({ spec }, s) => {
    keys.forEach((key, k) => {
      want[s * 3 + k] = numberOf(String(spec.workloads[key]));
    });
  });
  const members: number[][] = segments.map(() => []);
  for (let s = 0; s < segments.length; s++) {
    const [a, b, c] = [want[s * 3], want[s * 3 + 1], want[s * 3 + 2]];
    const list = members[s] ?? [];
    for (let w = 0, at = 0; w < workloads.length; w++, at += 3)
      if (have[at] === a && have[at + 1] === b && have[at + 2] === c) list.push(w);
  }
  return members;
}

function compare(
  expected: readonly number[][],
  members: (selector: number) => readonly number[],
  segments: number,
): void {
  for (let s = 0; s < segments; s++)
    if (expected[s]?.join() !== members(s).join())
      throw new Error(`selector ${s} selects other workloads than the bare loop`);
}
