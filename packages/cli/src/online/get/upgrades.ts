import { upgradeView } from "@ringwall/protocol/rest";
import { z } from "zod";
import { printTable } from "../../output/table.ts";
import { formatAgo } from "../../output/time.ts";
import { defineKind } from "./kind.ts";

type Upgrade = z.infer<typeof upgradeView>;
type Peer = Upgrade["newPeers"][number];

const DIGEST_LENGTH_SHOWN = 12;
const PEERS_SHOWN_MAX = 4;

export const kind = defineKind<Upgrade>({
  ask: async (api) =>
    (await api.get("/api/v1/upgrades", z.object({ upgrades: z.array(upgradeView) }))).upgrades,
  empty: "no program has changed its content within what was seen",
  print: (upgrades, nowMs) =>
    printTable(
      [
        { head: "WORKLOAD" },
        { head: "PROGRAM", shrink: "start" },
        { head: "FROM → TO", drop: 2 },
        { head: "EVIDENCE" },
        { head: "SINCE" },
        { head: "PROBATION", drop: 1 },
        { head: "NEW PEERS", shrink: "end" },
        { head: "NO LONGER", shrink: "end", drop: 3 },
      ],
      upgrades.map((one) => [
        one.workload,
        one.script ?? one.exe,
        `${digest(one, one.from)} → ${digest(one, one.to)}`,
        one.evidence === null
          ? { text: "none", style: "yellow" }
          : { text: one.evidence, style: one.evidence === "manifest-only" ? "yellow" : "green" },
        formatAgo(one.since, nowMs),
        Date.parse(one.probationUntil) > nowMs ? { text: "on probation", style: "yellow" } : "over",
        { text: peers(one.newPeers), style: one.newPeers.length === 0 ? "green" : "red" },
        peers(one.missingPeers),
      ]),
    ),
});

/** Of what changed: the script where that differs. */
function digest({ from, to }: Upgrade, side: Upgrade["from"]): string {
  const changed = from.scriptSha256 === to.scriptSha256 ? side.exeSha256 : side.scriptSha256;
  return (changed ?? "-").slice(0, DIGEST_LENGTH_SHOWN);
}

function peers(list: readonly Peer[]): string {
  if (list.length === 0) return "none";
  const shown = list.slice(0, PEERS_SHOWN_MAX).map(({ direction, peer, proto, port }) => {
    const arrow = direction === "outbound" ? "→" : "←";
    return `${arrow} ${peer} ${proto}/${port}`;
  });
  const more = list.length - shown.length;
  return more === 0 ? shown.join(", ") : `${shown.join(", ")} and ${more} more`;
}
