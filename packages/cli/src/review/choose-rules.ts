import { failure } from "../failure.ts";

/** What a call says of proposed rules, by number in the list, `POLICY/RULE` or the rule's name alone. */
export type Words = {
  readonly accept?: readonly string[];
  readonly reject?: readonly string[];
  readonly reopen?: readonly string[];
  readonly reason?: string;
};
export type Listed = {
  /** `POLICY/RULE` */
  readonly id: string;
  readonly rule: string;
  readonly state: "open" | "accepted" | "rejected";
};
export type Decision =
  | { readonly rule: string; readonly state: "accepted" | "open" }
  | { readonly rule: string; readonly state: "rejected"; readonly reason: string };

/** Accepts every rule that is still open. */
export const ALL = "all";

/** The decisions of a call. Throws Failure where a rule is not listed, or is rejected without a reason. */
export function decisionsOf(words: Words, listed: readonly Listed[]): readonly Decision[] {
  const { accept = [], reject = [], reopen = [], reason = "" } = words;
  if (reject.length > 0 && reason.trim() === "") {
    throw failure(
      "no-reason",
      "a rule is rejected without a reason",
      "say why with `--reason TEXT`: whoever meets the rule again reads it",
    );
  }
  const open = listed.filter(({ state }) => state === "open");
  const accepted = accept.flatMap((wanted) => (wanted === ALL ? open : [find(wanted, listed)]));
  return [
    ...accepted.map(({ id }) => ({ rule: id, state: "accepted" as const })),
    ...reject.map((wanted) => ({
      rule: find(wanted, listed).id,
      state: "rejected" as const,
      reason: reason.trim(),
    })),
    ...reopen.map((wanted) => ({ rule: find(wanted, listed).id, state: "open" as const })),
  ];
}

function find(wanted: string, listed: readonly Listed[]): Listed {
  const numbered = /^\d+$/.test(wanted) ? listed[Number(wanted) - 1] : undefined;
  if (numbered !== undefined) return numbered;
  const found = listed.filter(({ id, rule }) => id === wanted || rule === wanted);
  const [one] = found;
  if (one !== undefined && found.length === 1) return one;
  const what = found.length === 0 ? "no proposed rule is" : "several proposed rules are";
  throw failure(
    "unknown-rule",
    `${what} called \`${wanted}\``,
    listed.length === 0
      ? "nothing is proposed: `ringwall learn` proposes"
      : "name it by its number or `POLICY/RULE`, as `ringwall review` lists them",
  );
}
