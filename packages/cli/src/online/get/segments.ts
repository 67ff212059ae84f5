import { segmentView } from "@ringwall/protocol/rest";
import { z } from "zod";
import type { Style } from "../../output/print.ts";
import { formatCount } from "../../output/size.ts";
import { type Cell, printTable } from "../../output/table.ts";
import { defineKind } from "./kind.ts";
import { modeCell } from "./modes.ts";

export const kind = defineKind<z.infer<typeof segmentView>>({
  ask: async (api) =>
    (await api.get("/api/v1/segments", z.object({ segments: z.array(segmentView) }))).segments,
  empty: "no segments yet: `ringwall learn` proposes some, `ringwall provision` puts them in force",
  print: (segments) =>
    printTable(
      [
        { head: "SEGMENT", shrink: "middle" },
        { head: "INBOUND" },
        { head: "OUTBOUND" },
        { head: "PROCESSES" },
        { head: "WOULD BLOCK 24H", align: "right" },
        { head: "BLOCKED 24H", align: "right" },
        { head: "WORKLOADS", shrink: "end" },
      ],
      segments.map((segment) => [
        segment.name,
        modeCell(segment.modes.inbound),
        modeCell(segment.modes.outbound),
        modeCell(segment.modes.processes),
        countCell(segment.wouldBlock, "yellow"),
        countCell(segment.blocked, "red"),
        segment.workloads.join(", ") || "-",
      ]),
    ),
});

function countCell(count: number, style: Style): Cell {
  return count === 0 ? "0" : { text: formatCount(count), style };
}
