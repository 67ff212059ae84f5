import { type Flow, type FlowEnd, isNobody, type Outcome } from "@ringwall/model";
import { flowsReply } from "@ringwall/protocol/rest";
import type { Style } from "../../output/print.ts";
import { formatBytes } from "../../output/size.ts";
import { printTable } from "../../output/table.ts";
import { formatAgo } from "../../output/time.ts";
import { defineKind } from "./kind.ts";

export const OUTCOME_STYLES: Record<Outcome, Style> = {
  allowed: "green",
  "would-block": "yellow",
  blocked: "red",
};

export const kind = defineKind<Flow>({
  ask: async (api, { since, workload, verdict, limit }) => {
    const { flows: items } = await api.get("/api/v1/flows", flowsReply, { since, workload, verdict, limit });
    const isFull = items.length === limit;
    return { items, leftOut: isFull ? `only the newest ${limit} are shown; \`--limit\` shows more` : null };
  },
  empty:
    "no flows yet: they appear some seconds after a host with an agent communicates (`ringwall get workloads`)",
  print: (flows, nowMs) =>
    printTable(
      [
        { head: "LAST SEEN", drop: 3 },
        { head: "SOURCE", shrink: "end" },
        { head: "SOFTWARE", shrink: "start" },
        { head: "DESTINATION", shrink: "end" },
        { head: "SOFTWARE", shrink: "start" },
        { head: "PORT" },
        { head: "COUNT", align: "right" },
        { head: "OUT", align: "right", drop: 1 },
        { head: "IN", align: "right", drop: 1 },
        { head: "STATE", drop: 2 },
        { head: "PEER KNOWN BY", drop: 4 },
        { head: "VERDICT" },
      ],
      flows.map((flow) => [
        formatAgo(flow.until ?? flow.time, nowMs),
        place(flow.src),
        software(flow.src),
        place(flow.dst),
        software(flow.dst),
        port(flow),
        String(flow.count ?? 1),
        flow.bytesOut === undefined ? "-" : formatBytes(flow.bytesOut),
        flow.bytesIn === undefined ? "-" : formatBytes(flow.bytesIn),
        flow.state ?? "-",
        flow.verification ?? "-",
        flow.verdict === undefined ? "-" : { text: flow.verdict, style: OUTCOME_STYLES[flow.verdict] },
      ]),
    ),
});

function place(end: FlowEnd): string {
  if (isNobody(end.ip)) return "-";
  return end.workload ?? end.fqdn ?? end.ip ?? "-";
}

/** The program as people call it: the Software's name, else the script, else the executable. */
function software(end: FlowEnd): string {
  return end.software ?? end.script ?? end.exe ?? "-";
}

function port(flow: Flow): string {
  const number = flow.port ?? flow.icmpType;
  return number === undefined ? flow.proto : `${flow.proto}/${number}`;
}
