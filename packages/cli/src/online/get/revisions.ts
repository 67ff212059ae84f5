import { type RevisionView, revisionsReply } from "@ringwall/protocol/rest";
import type { Style } from "../../output/print.ts";
import { plural } from "../../output/size.ts";
import { printTable } from "../../output/table.ts";
import { formatAgo } from "../../output/time.ts";
import { defineKind } from "./kind.ts";

const STATE_STYLES: Record<RevisionView["state"], Style> = {
  unconfirmed: "yellow",
  live: "green",
  superseded: "dim",
  reverted: "red",
};

export const kind = defineKind<RevisionView>({
  ask: async (api) => {
    const { revisions: items } = await api.get("/api/v1/revisions", revisionsReply);
    // The newest first, and none is missing down to 0.
    const older = items.at(-1)?.revision ?? 0;
    return { items, leftOut: older === 0 ? null : `${plural(older, "older revision")} not shown` };
  },
  empty: "no revisions yet: `ringwall provision` makes the draft one",
  print: (revisions, nowMs) =>
    printTable(
      [
        { head: "REVISION", align: "right" },
        { head: "STATE" },
        { head: "MADE" },
        { head: "BY", shrink: "end" },
        { head: "SEGMENTS", align: "right" },
        { head: "RULES", align: "right" },
        { head: "NOTE", shrink: "end" },
      ],
      revisions.map((revision) => [
        String(revision.revision),
        { text: revision.state, style: STATE_STYLES[revision.state] },
        formatAgo(revision.time, nowMs),
        revision.author,
        String(revision.segments),
        String(revision.rules),
        revision.note || "-",
      ]),
    ),
});
