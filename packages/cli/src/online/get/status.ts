import { type StatusView, statusView } from "@ringwall/protocol/rest";
import { commandName } from "../../command-name.ts";
import { paint, say } from "../../output/print.ts";
import { formatCount, plural } from "../../output/size.ts";
import { formatClock, formatSpan } from "../../output/time.ts";
import { defineKind } from "./kind.ts";

export const kind = defineKind<StatusView>({
  ask: async (api) => [await api.get("/api/v1/status", statusView)],
  empty: "",
  print: async (items, nowMs) => {
    for (const status of items) {
      for (const line of statusLines(status, nowMs)) say(line);
    }
  },
});

/** What is live, what waits, and who is there, one thing a line. */
export function statusLines(status: StatusView, nowMs: number): string[] {
  const { agents, flows, pending } = status;
  const behind = agents.behind === 0 ? "" : paint("yellow", `, ${agents.behind} behind`);
  const awaited =
    agents.awaited === 0
      ? ""
      : paint("yellow", `, ${agents.awaited} holding up proof keys: \`${commandName()} get hosts\``);
  const lost = flows.lost === 0 ? "" : paint("red", `, ${formatCount(flows.lost)} lost`);
  const rows: [string, string][] = [
    ["controller", `version ${status.version}`],
    [
      "revision",
      status.revision === 0 ? "none provisioned yet" : `${status.revision} (generation ${status.generation})`,
    ],
    ["draft", status.draftChanged ? "differs from the live revision" : "as the live revision"],
    [
      "agents",
      `${agents.connected} of ${plural(agents.enrolled, "enrolled agent")} connected${behind}${awaited}`,
    ],
    ["flows", `${formatCount(flows.stored)} stored${lost}`],
    ["console", status.consoleUrl],
  ];
  if (pending !== null) {
    const left = formatSpan(Date.parse(pending.deadline) - nowMs);
    const when = `reverts at ${formatClock(pending.deadline)} (in ${left}) unless \`${commandName()} confirm\``;
    rows.push(["waiting", paint("yellow", pending.what)], ["", paint("yellow", when)]);
  }
  return rows.map(([label, text]) => `${label.padEnd(12)}${text}`);
}
