import { alertView } from "@ringwall/protocol/rest";
import { z } from "zod";
import type { Style } from "../../output/print.ts";
import { printTable } from "../../output/table.ts";
import { formatAgo } from "../../output/time.ts";
import { defineKind } from "./kind.ts";

type Alert = z.infer<typeof alertView>;

const KIND_STYLES: Record<Alert["kind"], Style> = {
  blocked: "red",
  "would-block": "yellow",
  "agent-lost": "red",
  reverted: "magenta",
  "new-software": "cyan",
  "shared-address": "yellow",
  "path-stripped": "yellow",
  paused: "red",
  tampered: "red",
};

export const kind = defineKind<Alert>({
  ask: async (api) => (await api.get("/api/v1/alerts", z.object({ alerts: z.array(alertView) }))).alerts,
  empty: "no alerts",
  print: (alerts, nowMs) =>
    printTable(
      [
        { head: "LAST SEEN" },
        { head: "COUNT", align: "right" },
        { head: "KIND" },
        { head: "WORKLOAD", shrink: "middle" },
        { head: "MESSAGE", shrink: "end" },
        { head: "RULE", shrink: "end", drop: 1 },
      ],
      alerts.map((alert) => [
        formatAgo(alert.lastTime, nowMs),
        String(alert.count),
        { text: alert.kind, style: KIND_STYLES[alert.kind] },
        alert.workload ?? "-",
        alert.message,
        alert.rule ?? "-",
      ]),
    ),
});
