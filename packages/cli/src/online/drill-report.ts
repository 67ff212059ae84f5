import type { DrillRow, DrillsReply, DrillView } from "@ringwall/protocol/rest";
import { paint, say } from "../output/print.ts";
import { plural } from "../output/size.ts";
import { printTable } from "../output/table.ts";
import { formatAgo } from "../output/time.ts";

const WORDS: Readonly<Record<DrillRow["result"], string>> = {
  refused: "refused",
  "got-through": "GOT THROUGH",
  "not-refusable": "not refusable",
  "not-made": "not made",
  control: "gets through, as it must",
  "control-failed": "DID NOT GET THROUGH",
};

/** One line for each attempt, then what can't be refused and why, then the sums. */
export async function printDrill(view: DrillView): Promise<void> {
  if (view.state === "failed") return;
  await printTable(
    [
      { head: "TRIED", shrink: "end" },
      { head: "AT", drop: 2 },
      { head: "RESULT" },
      { head: "TOLD", drop: 1 },
    ],
    view.rows.map((row) => [row.tries, row.end, colour(row), toldOf(row)]),
  );
  await printReasons(view.rows, "not-refusable", "Not refusable on this kernel, or by nobody");
  await printReasons(view.rows, "not-made", "Not made here");
  const counts = Object.keys(WORDS).flatMap((result) => {
    const count = view.rows.filter((row) => row.result === result).length;
    return count === 0 ? [] : [`${count} ${result.replaceAll("-", " ")}`];
  });
  say(`\n${plural(view.rows.length, "attempt")}: ${counts.join(", ")}`);
  if (view.problem !== "") say(paint("yellow", view.problem));
}

async function printReasons(
  rows: readonly DrillRow[],
  result: DrillRow["result"],
  title: string,
): Promise<void> {
  const shown = rows.filter((row) => row.result === result);
  if (shown.length === 0) return;
  say(`\n${paint("bold", title)}`);
  for (const { tries, why, needs } of shown) {
    say(`  ${tries}: ${why}`);
    if (needs !== "") say(`    needs ${needs}`);
  }
}

function colour({ result }: DrillRow): string {
  switch (result) {
    case "got-through":
    case "control-failed":
      return paint("red", WORDS[result]);
    case "not-refusable":
      return paint("yellow", WORDS[result]);
    default:
      return WORDS[result];
  }
}

function toldOf({ step, errno }: DrillRow): string {
  if (step === "") return "";
  return errno === 0 ? "" : `${step}: ${NAMES[errno] ?? errno}`;
}

/** The errors that refusals are told by. */
const NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  11: "EAGAIN",
  13: "EACCES",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  115: "EINPROGRESS",
};

export async function printDrills({ drills, schedules }: DrillsReply, nowMs: number): Promise<void> {
  if (drills.length === 0) say("no drill was run yet");
  else
    await printTable(
      [
        { head: "RUN" },
        { head: "FROM" },
        { head: "TO" },
        { head: "STARTED" },
        { head: "STATE" },
        { head: "GOT THROUGH", align: "right" },
      ],
      drills.map((one) => [
        String(one.run),
        one.source,
        one.destination,
        formatAgo(one.started, nowMs),
        one.problem === "" ? one.state : `${one.state}: ${one.problem}`,
        String(one.rows.filter(({ result }) => result === "got-through").length),
      ]),
    );
  for (const { source, destination, every, next } of schedules)
    say(`every ${every} s from ${source} to ${destination}, next ${next}`);
}
