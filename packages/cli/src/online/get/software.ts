import { type SoftwareReply, softwareReply } from "@ringwall/protocol/rest";
import type { Style } from "../../output/print.ts";
import { printTable } from "../../output/table.ts";
import { formatAgo } from "../../output/time.ts";
import { defineKind } from "./kind.ts";

type Software = SoftwareReply["software"][number];

const DIGEST_LENGTH_SHOWN = 12;
const WORKLOADS_SHOWN_MAX = 3;
const PROVENANCE_STYLES: Record<Software["provenance"], Style> = {
  signed: "green",
  "hash-only": "yellow",
  unknown: "red",
};

export const kind = defineKind<Software>({
  ask: async (api) => {
    const { software: items, truncated } = await api.get("/api/v1/software", softwareReply);
    return { items, leftOut: truncated ? "only what was seen last is shown: there is more" : null };
  },
  empty: "no software seen yet: it appears with the first connection of a host that runs an agent",
  print: (software, nowMs) =>
    printTable(
      [
        { head: "SOFTWARE", shrink: "middle" },
        { head: "PROGRAM", shrink: "start" },
        { head: "SHA-256", drop: 2 },
        { head: "PACKAGE", shrink: "end", drop: 3 },
        { head: "PROVENANCE" },
        { head: "USERS", shrink: "end", drop: 1 },
        { head: "WORKLOADS", shrink: "end" },
        { head: "LAST SEEN" },
      ],
      software.map((one) => [
        one.named ? { text: one.name, style: "bold" } : one.name,
        program(one),
        (one.scriptSha256 ?? one.exeSha256 ?? "-").slice(0, DIGEST_LENGTH_SHOWN),
        one.package ?? "-",
        { text: one.provenance, style: PROVENANCE_STYLES[one.provenance] },
        one.users.join(", ") || "-",
        someOf(one.workloads),
        formatAgo(one.lastSeen, nowMs),
      ]),
    ),
});

function program(one: Software): string {
  if (one.script !== null) return `${one.exe} ${one.script}`;
  return one.unattributable === null ? one.exe : `${one.exe} (code from ${one.unattributable})`;
}

function someOf(names: readonly string[]): string {
  if (names.length <= WORKLOADS_SHOWN_MAX) return names.join(", ") || "-";
  return `${names.slice(0, WORKLOADS_SHOWN_MAX).join(", ")} and ${names.length - WORKLOADS_SHOWN_MAX} more`;
}
