import type { SimulateReply } from "@ringwall/protocol/rest";
import { paint, say } from "../output/print.ts";
import { formatCount, plural } from "../output/size.ts";
import { printTable } from "../output/table.ts";
import { formatAgo } from "../output/time.ts";
import { party } from "./party.ts";

type Edge = SimulateReply["deniedEdges"][number];

/** Prints totals, edges that change, edges denied before and after, and the counts by segment and rule. */
export async function printSimulation(reply: SimulateReply, nowMs: number): Promise<void> {
  const { connections, allowed, denied } = reply;
  const deniedText = paint(denied === 0 ? "green" : "yellow", `${formatCount(denied)} denied`);
  say(
    `${plural(connections, "recorded connection")}, if every segment were in block: ${formatCount(allowed)} allowed, ${deniedText}`,
  );
  await printEdges("Newly denied", reply.newlyDenied, nowMs);
  await printEdges("Newly allowed", reply.newlyAllowed, nowMs);
  const known = new Set(reply.newlyDenied.map((edge) => JSON.stringify(edge)));
  await printEdges(
    "Denied, as before",
    reply.deniedEdges.filter((edge) => !known.has(JSON.stringify(edge))),
    nowMs,
  );
  await printCounts(reply);
}

async function printEdges(title: string, edges: readonly Edge[], nowMs: number): Promise<void> {
  if (edges.length === 0) return;
  say(`\n${paint("bold", `${title}: ${plural(edges.length, "edge")}`)}`);
  await printTable(
    [
      { head: "FROM", shrink: "middle" },
      { head: "TO", shrink: "middle" },
      { head: "PORT" },
      { head: "COUNT", align: "right" },
      { head: "LAST SEEN", drop: 1 },
      { head: "RULE", shrink: "end", drop: 2 },
      { head: "WHY", shrink: "end" },
    ],
    edges.map((edge) => [
      party(edge.source, edge.sourceSoftware),
      party(edge.destination, edge.destinationSoftware),
      edge.port === null ? edge.proto : `${edge.proto}/${edge.port}`,
      formatCount(edge.connections),
      formatAgo(edge.lastSeen, nowMs),
      edge.rule,
      edge.reason,
    ]),
  );
}

async function printCounts({ bySegment, byRule }: SimulateReply): Promise<void> {
  if (bySegment.length > 0) {
    say();
    await printTable(
      [
        { head: "SEGMENT", shrink: "middle" },
        { head: "CONNECTIONS", align: "right" },
        { head: "DENIED", align: "right" },
      ],
      bySegment.map((one) => [one.segment, formatCount(one.connections), formatCount(one.denied)]),
    );
  }
  if (byRule.length > 0) {
    say();
    await printTable(
      [
        { head: "RULE", shrink: "end" },
        { head: "CONNECTIONS", align: "right" },
      ],
      byRule.map((one) => [one.rule, formatCount(one.connections)]),
    );
  }
}
