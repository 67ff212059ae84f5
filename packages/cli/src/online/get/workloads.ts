import { workloadView } from "@ringwall/protocol/rest";
import { z } from "zod";
import type { Cell } from "../../output/table.ts";
import { printTable } from "../../output/table.ts";
import { formatAgo } from "../../output/time.ts";
import { defineKind } from "./kind.ts";
import { modeCell } from "./modes.ts";

type Workload = z.infer<typeof workloadView>;

export const kind = defineKind<Workload>({
  ask: async (api) =>
    (await api.get("/api/v1/workloads", z.object({ workloads: z.array(workloadView) }))).workloads,
  empty:
    "no workloads yet: `ringwall token create` makes a token for an agent, `ringwall up` starts one here",
  print: (workloads, nowMs) =>
    printTable(
      [
        { head: "WORKLOAD", shrink: "middle" },
        { head: "AGENT" },
        { head: "GENERATION", align: "right" },
        { head: "INBOUND" },
        { head: "OUTBOUND" },
        { head: "PROCESSES" },
        { head: "SEGMENTS", shrink: "end", drop: 3 },
        { head: "ADDRESSES", shrink: "end", drop: 2 },
        { head: "LABELS", shrink: "end", drop: 1 },
      ],
      workloads.map((workload) => [
        workload.name,
        agentCell(workload, nowMs),
        generationCell(workload),
        modeCell(workload.modes.inbound),
        modeCell(workload.modes.outbound),
        modeCell(workload.modes.processes),
        workload.segments.join(", ") || "-",
        workload.addresses.join(", ") || "-",
        Object.entries(workload.labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(", ") || "-",
      ]),
    ),
});

function agentCell({ agent }: Workload, nowMs: number): Cell {
  if (agent === null) return "none";
  if (agent.connected) {
    return agent.problem === "" ? { text: "connected", style: "green" } : { text: "problem", style: "red" };
  }
  const last = agent.lastSeen === null ? "never seen" : `lost, ${formatAgo(agent.lastSeen, nowMs)}`;
  return { text: last, style: "red" };
}

function generationCell({ agent }: Workload): Cell {
  if (agent === null) return "-";
  if (agent.generation === agent.generationWanted) return String(agent.generation);
  return { text: `${agent.generation} → ${agent.generationWanted}`, style: "yellow" };
}
