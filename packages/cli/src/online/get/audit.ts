import { auditView } from "@ringwall/protocol/rest";
import { z } from "zod";
import { printTable } from "../../output/table.ts";
import { formatAgo } from "../../output/time.ts";
import { defineKind } from "./kind.ts";

export const kind = defineKind<z.infer<typeof auditView>>({
  ask: async (api) => (await api.get("/api/v1/audit", z.object({ audit: z.array(auditView) }))).audit,
  empty: "nobody has changed anything yet",
  print: (entries, nowMs) =>
    printTable(
      [
        { head: "WHEN" },
        { head: "WHO", shrink: "end" },
        { head: "WHAT", shrink: "end" },
        { head: "DETAILS", shrink: "end" },
      ],
      entries.map((entry) => [
        formatAgo(entry.time, nowMs),
        entry.actor,
        entry.what,
        JSON.stringify(entry.details),
      ]),
    ),
});
