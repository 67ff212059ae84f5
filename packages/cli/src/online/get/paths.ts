import { type PathView, pathView } from "@ringwall/protocol/rest";
import { z } from "zod";
import type { Style } from "../../output/print.ts";
import { formatCount } from "../../output/size.ts";
import { type Cell, printTable } from "../../output/table.ts";
import { formatAgo } from "../../output/time.ts";
import { defineKind } from "./kind.ts";

const STATE_STYLES: Record<PathView["state"], Style> = { expected: "green", stripped: "yellow" };

export const kind = defineKind<PathView>({
  ask: async (api) => (await api.get("/api/v1/paths", z.object({ paths: z.array(pathView) }))).paths,
  empty: "no proofs of software have been sent between hosts yet",
  print: (paths, nowMs) =>
    printTable(
      [
        { head: "FROM", shrink: "middle" },
        { head: "TO", shrink: "middle" },
        { head: "PROOFS" },
        { head: "SINCE" },
        { head: "SENT", align: "right" },
        { head: "PROVED", align: "right" },
        { head: "MISSING", align: "right" },
        { head: "WRONG", align: "right" },
        { head: "LAST REPORT", drop: 1 },
      ],
      paths.map((path) => [
        path.source,
        path.destination,
        {
          text: `${path.state}${path.proto === undefined ? "" : ` (${path.proto})`}`,
          style: STATE_STYLES[path.state],
        },
        path.since === null ? "-" : formatAgo(path.since, nowMs),
        formatCount(path.sent),
        formatCount(path.proved),
        formatCount(path.missing),
        wrongCell(path.wrong),
        formatAgo(path.lastReport, nowMs),
      ]),
    ),
});

/** Somebody makes proofs up, or clocks or keys are out of step. */
function wrongCell(count: number): Cell {
  return count === 0 ? "0" : { text: formatCount(count), style: "red" };
}
