import { type Attempt, execRecord, flow, flowEnd } from "@ringwall/model";
import fc from "fast-check";
import { expect, it } from "vitest";
import { inventoryOf } from "../policy-set/inventory.ts";
import { policySetOf } from "../policy-set/policy-set.ts";
import { createSimulation } from "../simulate/simulate.ts";
import * as world from "../testing/arbitraries.ts";
import { createLinePlayer } from "./play-lines.ts";

const RUNS = 200;
const LINES = 60;
/** So small that everything is forgotten now and then. */
const LIMITS = { parts: 8, bytes: 4000, edges: 5 };

const GOOD_TIMES = [
  ...["2026-01-01T23:59:59Z", "2026-01-02T00:00:00Z"],
  ...["2026-11-16T09:00:00Z", "2026-11-16T23:59:59.250Z", "2026-11-15T23:00:00Z"],
];
const ODD_TIMES = [
  ...["2026-11-03T00:00:00+02:00", "2026-11-07T10:30Z", "2028-02-29T10:00:00Z", "2026-02-29T10:00:00Z"],
  ...["2026-11-31T10:00:00Z", "2026-11-02T24:00:00Z", "2026-11-02 10:00:00Z", "2026-13-01T10:00:00Z"],
];
const mostly = <T>(good: readonly T[], odd: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...good) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  );
const varying = {
  time: mostly(GOOD_TIMES, ODD_TIMES),
  until: mostly<string | undefined>([undefined, ...GOOD_TIMES], ODD_TIMES),
  count: mostly<unknown>([undefined, 1, 2, 9], [0, -1, 1.5, 1e21, null, "3"]),
  bytesIn: mostly<unknown>([undefined, 0, 17], [1e15, -1]),
  srcPort: mostly<unknown>([undefined, 0, 40000, 65535], [65536, null, "x"]),
};
/** A record's text in any spelling: order of keys, spaces, a key twice, an escape in a key, a byte gone wrong. */
const spelling = fc.record({
  reversed: fc.boolean(),
  spaced: fc.boolean(),
  damage: fc.oneof(
    { weight: 6, arbitrary: fc.constant(null) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        ['"time":', '"\\u0074ime":"2026-01-01T00:00:00Z","time":'],
        ['"time":', '"count":1,"count":7,"time":'],
        ['"time":', '"tine":"","time":'],
        ['"src":', '"src":{},"src":'],
        ["}", ""],
        ['"', ""],
        ["}}", "}}}"],
        [",", ",,"],
        [":", ": "],
        ["{", "{ \t"],
        ["{", "[{"],
        ['"port":', '"port":0'],
        ['"port":', '"port":null,"port":'],
      ),
    },
  ),
});
type Spelling = typeof spelling extends fc.Arbitrary<infer T> ? T : never;

it("lines played in parts count what the same records count one by one", () => {
  let played = 0;
  let refused = 0;
  fc.assert(
    fc.property(
      world.workloads,
      world.policyResources,
      world.policyResources,
      fc.option(fc.constant(true)),
      fc.array(world.attempt, { minLength: 3, maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(2), fc.record(varying), spelling), { minLength: LINES, maxLength: LINES }),
      (workloads, resources, older, compared, attempts, choices) => {
        const inventory = inventoryOf(workloads);
        if (!inventory.ok) throw new Error("bug: names are distinct");
        const set = policySetOf(resources);
        const against = compared ? { against: { set: policySetOf(older), inventory: inventory.value } } : {};
        const sets = compared ? [set, policySetOf(older)] : [set];
        const lines = choices.map(([i, differs, how]) => textOf(attempts[i] as Attempt, differs, how));
        const one = createSimulation(set, inventory.value, against);
        const other = createSimulation(set, inventory.value, against);
        const wrong: number[] = [];
        lines.forEach((line, i) => {
          const record = parsed(line);
          if (record !== null) one.add(record, i + 1);
          else wrong.push(i + 1);
        });
        const wrongInParts: number[] = [];
        const player = createLinePlayer(
          other,
          sets,
          {
            line: (bytes, from, end, line) => {
              const record = parsed(text(bytes, from, end));
              if (record === null) wrongInParts.push(line);
              return record;
            },
            end: (bytes, from, end) => parsedEnd(text(bytes, from, end)),
          },
          LIMITS,
        );
        const bytes = Uint8Array.from(lines.join("\n"), (letter) => letter.charCodeAt(0)); // ASCII
        let from = 0;
        lines.forEach((line, i) => {
          const end = from + line.length;
          player.add(bytes, from, end, i + 1);
          from = end + 1;
        });
        player.finish();
        played += lines.length - wrong.length;
        refused += wrong.length;
        expect(wrongInParts).toEqual(wrong);
        expect(other.result()).toEqual(one.result());
      },
    ),
    { numRuns: RUNS },
  );
  // Both must be common, or the test says little.
  expect(Math.min(played, refused) / (played + refused)).toBeGreaterThan(0.1);
});

function text(bytes: Uint8Array, from: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(from, end));
}

function textOf(
  attempt: Attempt,
  { srcPort, ...differs }: Readonly<Record<string, unknown>>,
  { reversed, spaced, damage }: Spelling,
): string {
  const record = { ...attempt, ...differs, src: { ...attempt.src, port: srcPort } };
  const entries = Object.entries(record);
  const text = JSON.stringify(
    Object.fromEntries(reversed ? entries.reverse() : entries),
    null,
    spaced ? 1 : 0,
  );
  const line = text.replaceAll("\n", " ");
  const [what, by] = damage ?? ["", ""];
  return what === "" ? line : line.replace(what ?? "", by ?? "");
}

function parsed(text: string) {
  try {
    const value: unknown = JSON.parse(text);
    const isExec = typeof value === "object" && value !== null && "exec" in value;
    return (isExec ? execRecord : flow).safeParse(value).data ?? null;
  } catch {
    return null; // no JSON
  }
}

function parsedEnd(text: string) {
  try {
    return flowEnd.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null; // no JSON
  }
}
