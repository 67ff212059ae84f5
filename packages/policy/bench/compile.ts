// Full compile of selectors against a fleet as a ratio to a bare typed-array loop, and the cost of one label change.
//   scripts/node packages/policy/bench/compile.ts [--small]
import { parseArgs } from "node:util";
import { type LabelSelector, NAME_LABEL, type Workload } from "@ringwall/model";
import { takeArguments } from "@ringwall/model/testing/arguments";
import { createFleetIndex } from "../src/compile/fleet-index.ts";
import { bareLoop, bareLoopOfTables } from "./lib/bare-loop.ts";
import { createRandom, madeFleet } from "./lib/made-fleet.ts";
import { hashOf, median, percentile, printMachine, timed } from "./lib/report.ts";

const { small } = takeArguments(
  process,
  "[--small]",
  () => parseArgs({ options: { small: { type: "boolean", default: false } } }).values,
);
const SCALES = small
  ? [[500, 60]]
  : [
      [10_000, 1000],
      [100_000, 1000],
      [100_000, 10_000],
    ];
const ROUNDS = small ? 2 : 5;
const CHANGES = small ? 200 : 5000;
const KEYS = ["app", "role", "env"] as const;

printMachine();
for (const [workloads = 0, segments = 0] of SCALES) {
  const fleet = madeFleet(workloads, segments);
  const selectors = fleet.segments.map((one) => one.spec.workloads);
  const bare = () => bareLoop(fleet.workloads, selectors, KEYS);
  const index = compared("key = value", fleet.workloads, selectors, bare);
  if (segments === 1000 || small) printChange(fleet.workloads, index);
}
for (const [workloads = 0, segments = 0] of SCALES.slice(0, 2)) {
  const fleet = madeFleet(workloads, segments);
  const selectors = mixedSelectors(segments, fleet.segments);
  const bare = () => bareLoopOfTables(fleet.workloads, selectors, [...KEYS, "loc", "tier", NAME_LABEL]);
  printChange(fleet.workloads, compared("of every form", fleet.workloads, selectors, bare));
}

/** Ours stands between two bare loops; the second against the first is the control. Throws where a set differs. */
function compared(
  form: string,
  workloads: readonly Workload[],
  selectors: readonly LabelSelector[],
  bare: () => readonly number[][],
) {
  const ratios: number[] = [];
  const control: number[] = [];
  const own: number[] = [];
  let index = createFleetIndex(workloads, selectors);
  for (let round = 0; round < ROUNDS; round++) {
    const [first, expected] = timed(bare);
    const [ms, made] = timed(() => createFleetIndex(workloads, selectors));
    const [second] = timed(bare);
    expected.forEach((list, s) => {
      if (list.join() !== made.members(s).join())
        throw new Error(`selector ${s} selects other workloads than the bare loop`);
    });
    index = made;
    own.push(ms);
    ratios.push(ms / Math.min(first, second));
    control.push(second / first);
  }
  const hash = hashOf(selectors.map((_, i) => index.members(i).length));
  console.log(
    [
      `${workloads.length} workloads x ${selectors.length} selectors ${form}: ${median(own).toFixed(1)} ms,`,
      `ratio to the bare loop ${median(ratios).toFixed(2)} (control ${median(control).toFixed(2)}); sets ${hash}`,
    ].join(" "),
  );
  return index;
}

/** Overlapping sets from one host to most of the fleet: lists, exceptions, presence, names. */
function mixedSelectors(
  count: number,
  segments: readonly { readonly spec: { readonly workloads: LabelSelector } }[],
): readonly LabelSelector[] {
  const labels = (s: number) => segments[s % segments.length]?.spec.workloads ?? {};
  return Array.from({ length: count }, (_, s): LabelSelector => {
    const { app, role, env } = labels(s) as Readonly<Record<string, string>>; // the generator writes plain values
    const other = String(labels(s + 15)["app"]);
    const forms: readonly LabelSelector[] = [
      { app: [app ?? "", other], env: env ?? "" },
      { app: app ?? "", role: { not: [role ?? "", "cache"] } },
      { app: app ?? "", loc: { exists: true }, tier: { exists: false } },
      { [NAME_LABEL]: `w${s}` },
      { env: env ?? "", role: role ?? "", loc: ["fra", "ams"] },
      // Half the fleet, and seldom: the size of the output is the same for both.
      s % 100 === 5
        ? { env: { not: env ?? "" }, loc: { exists: true } }
        : { app: other, loc: { not: "fra" } },
    ];
    return forms[s % forms.length] ?? {};
  });
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
