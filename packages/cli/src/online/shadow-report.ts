import type { ShadowChange, ShadowView } from "@ringwall/protocol/rest";
import { commandName } from "../command-name.ts";
import { paint, say } from "../output/print.ts";
import { formatCount, plural } from "../output/size.ts";
import { printTable } from "../output/table.ts";
import { formatAgo } from "../output/time.ts";
import { party } from "./party.ts";

const TITLES: Readonly<Record<ShadowChange, string>> = {
  "newly-blocked": "Would be refused",
  "newly-allowed": "Would no longer be refused",
  "newly-denied": "Would be recorded as a would-block",
  "no-longer-denied": "Would no longer be recorded as a would-block",
};
const CHANGES = Object.keys(TITLES) as readonly ShadowChange[];

/** Prints how the run stands, the edges by what would change, and the counts by segment and rule. */
export async function printShadow(view: ShadowView, nowMs: number): Promise<void> {
  const { hosts, met, uncounted } = view;
  say(
    `${stateOf(view)}; ${hosts.reporting} of ${plural(hosts.asked, "host")} reported, ${hosts.running} judge by it now`,
  );
  for (const { workload, problem } of hosts.problems) say(`${paint("yellow", workload)}: ${problem}`);
  const changed = CHANGES.filter((change) => view.edges.some((edge) => edge.change === change));
  say(
    `${plural(met, "attempt")} met the draft${changed.length === 0 ? ", and none would have gone otherwise" : ""}`,
  );
  if (uncounted > 0) say(`${formatCount(uncounted)} differences found no room to be counted by edge`);
  for (const change of changed) await printEdges(view, change, nowMs);
  await printCounts(
    "SEGMENT",
    view.bySegment.map(({ segment, changes }) => [segment, changes]),
  );
  await printCounts(
    "RULE",
    view.byRule.map(({ rule, changes }) => [rule, changes]),
  );
  if (view.state === "running") say(`\nTo end it: ${paint("bold", `${commandName()} shadow stop`)}`);
}

function stateOf({ state, ends, stopped, startedBy }: ShadowView): string {
  switch (state) {
    case "running":
      return `The draft meets live traffic until ${ends}, started by ${startedBy}`;
    case "stopped":
      return `The draft met live traffic and was stopped at ${stopped ?? ends}`;
    case "ended":
      return `The draft met live traffic until ${ends}`;
    default:
      return state satisfies never;
  }
}

async function printEdges({ edges }: ShadowView, change: ShadowChange, nowMs: number): Promise<void> {
  const shown = edges.filter((edge) => edge.change === change);
  say(`\n${paint("bold", `${TITLES[change]}: ${plural(shown.length, "edge")}`)}`);
  await printTable(
    [
      { head: "FROM", shrink: "middle" },
      { head: "TO", shrink: "middle" },
      { head: "PORT" },
      { head: "AT" },
      { head: "COUNT", align: "right" },
      { head: "LAST SEEN", drop: 1 },
      { head: "RULE TODAY", shrink: "end", drop: 2 },
      { head: "RULE OF THE DRAFT", shrink: "end" },
    ],
    shown.map((edge) => [
      party(edge.source, edge.sourceSoftware),
      party(edge.destination, edge.destinationSoftware),
      edge.port === null ? edge.proto : `${edge.proto}/${edge.port}`,
      edge.direction === "outbound" ? "source" : "destination",
      formatCount(edge.count),
      formatAgo(edge.lastSeen, nowMs),
      edge.live.rule,
      edge.draft.rule,
    ]),
  );
}

async function printCounts(
  head: string,
  rows: readonly (readonly [string, Readonly<Partial<Record<ShadowChange, number>>>])[],
): Promise<void> {
  if (rows.length === 0) return;
  say();
  await printTable(
    [
      { head, shrink: "end" },
      { head: "REFUSED", align: "right" },
      { head: "LET PASS", align: "right" },
      { head: "RECORDED", align: "right" },
      { head: "NO LONGER RECORDED", align: "right" },
    ],
    rows.map(([name, changes]) => [name, ...CHANGES.map((change) => formatCount(changes[change] ?? 0))]),
  );
}
