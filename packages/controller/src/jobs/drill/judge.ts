import {
  type Canary,
  canaries,
  controls,
  receiverCanaries,
  receiverControls,
} from "@ringwall/protocol/agent";
import type { DrillRow } from "@ringwall/protocol/rest";
import type { DecodedDrill } from "./decode-report.ts";

const CONTROLS = new Set([...controls, ...receiverControls].map(({ id }) => id));
const TABLE: ReadonlyMap<string, Canary> = new Map(
  [...controls, ...canaries, ...receiverControls, ...receiverCanaries].map((one) => [one.id, one]),
);

export function known(canary: string): boolean {
  return TABLE.has(canary);
}

/**
 * What came of each attempt, by what the listener saw: the sender's word is not needed for what arrived. `closed` says
 * which features the two hosts have. Pure.
 */
export function judgeDrill(
  attempts: DecodedDrill["attempts"],
  arrived: ReadonlySet<string>,
  closed: ReadonlySet<string>,
): readonly DrillRow[] {
  const reported = new Set(attempts.map(({ canary }) => canary));
  const unreported = [...arrived]
    .filter((canary) => !reported.has(canary))
    .map((canary) => ({ canary, step: "", errno: 0, skipped: "" }));
  return [...attempts, ...unreported].flatMap(({ canary, step, errno, skipped }): DrillRow[] => {
    const one = TABLE.get(canary);
    if (one === undefined) return [];
    const row = { canary, tries: one.tries, end: one.end, step, errno, why: "", needs: "" };
    if (arrived.has(canary)) return [{ ...row, ...arrival(one, closed) }];
    if (skipped !== "") return [{ ...row, result: "not-made", why: skipped }];
    return [{ ...row, result: CONTROLS.has(canary) ? "control-failed" : "refused" }];
  });
}

function arrival(
  { id, open }: Canary,
  closed: ReadonlySet<string>,
): Pick<DrillRow, "result" | "why" | "needs"> {
  if (CONTROLS.has(id)) return { result: "control", why: "", needs: "" };
  if (open === null || open.closedBy.some((feature) => closed.has(feature)))
    return { result: "got-through", why: "the threat model does not name it", needs: "" };
  return { result: "not-refusable", why: open.why, needs: open.needs };
}
