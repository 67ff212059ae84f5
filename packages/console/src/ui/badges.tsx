import type {
  AlertView,
  Mode,
  Outcome,
  PathView,
  Provenance,
  ReviewState,
  RevisionView,
  RuleView,
  Verification,
} from "../api/types.ts";
import classes from "./badges.module.css";

/** What a state means to the reader; the style sheet gives each its colours, readable in both schemes. */
type Tone = "neutral" | "good" | "info" | "warn" | "bad" | "note";

const MODE: Record<Mode, Tone> = { observe: "neutral", alert: "warn", block: "good" };
const OUTCOME: Record<Outcome, Tone> = { allowed: "info", "would-block": "warn", blocked: "bad" };
const PROVENANCE: Record<Provenance, Tone> = {
  signed: "good",
  "hash-only": "warn",
  unknown: "bad",
};
const VERIFICATION: Record<Verification, Tone> = {
  "in-band": "good",
  attested: "info",
  address: "neutral",
  none: "neutral",
};
const REVISION: Record<RevisionView["state"], Tone> = {
  unconfirmed: "warn",
  live: "good",
  superseded: "neutral",
  reverted: "bad",
};
const REVIEW: Record<ReviewState, Tone> = { open: "warn", accepted: "good", rejected: "bad" };
const RULE: Record<RuleView["kind"], Tone> = { allow: "info", deny: "bad", run: "note" };
const ALERT: Record<AlertView["kind"], Tone> = {
  blocked: "bad",
  "would-block": "warn",
  "agent-lost": "warn",
  "shared-address": "warn",
  "path-stripped": "warn",
  paused: "bad",
  tampered: "bad",
  reverted: "warn",
  "new-software": "note",
};

function StateBadge({ tone, children }: { readonly tone: Tone; readonly children: string }) {
  return (
    <span className={classes["badge"]} data-tone={tone}>
      {children}
    </span>
  );
}

/** Null = no segment governs this direction. */
export function ModeBadge({ mode }: { readonly mode: Mode | null }) {
  return mode === null ? (
    <NotKnown>not governed</NotKnown>
  ) : (
    <StateBadge tone={MODE[mode]}>{mode}</StateBadge>
  );
}

export function OutcomeBadge({ outcome }: { readonly outcome: Outcome }) {
  return <StateBadge tone={OUTCOME[outcome]}>{outcome}</StateBadge>;
}

export function ProvenanceBadge({ provenance }: { readonly provenance: Provenance }) {
  return <StateBadge tone={PROVENANCE[provenance]}>{provenance}</StateBadge>;
}

export function VerificationBadge({ verification }: { readonly verification: Verification }) {
  return <StateBadge tone={VERIFICATION[verification]}>{verification}</StateBadge>;
}

export function RevisionBadge({ state }: { readonly state: RevisionView["state"] }) {
  return <StateBadge tone={REVISION[state]}>{state}</StateBadge>;
}

export function ReviewBadge({ state }: { readonly state: ReviewState }) {
  return <StateBadge tone={REVIEW[state]}>{state}</StateBadge>;
}

export function RuleBadge({ kind }: { readonly kind: RuleView["kind"] }) {
  return <StateBadge tone={RULE[kind]}>{kind}</StateBadge>;
}

export function AlertBadge({ kind }: { readonly kind: AlertView["kind"] }) {
  return <StateBadge tone={ALERT[kind]}>{kind}</StateBadge>;
}

export function AgentBadge({ state }: { readonly state: "connected" | "behind" | "lost" | "no agent" }) {
  const tones = { connected: "good", behind: "warn", lost: "bad", "no agent": "neutral" } as const;
  return <StateBadge tone={tones[state]}>{state}</StateBadge>;
}

/** What the host's kernel makes possible: `none` where no program could be loaded. */
export function LevelBadge({ level }: { readonly level: string }) {
  return <StateBadge tone={level === "lsm" ? "good" : level === "core" ? "info" : "bad"}>{level}</StateBadge>;
}

/** Whether proofs of software arrive on a path. */
export function PathBadge({ state }: { readonly state: PathView["state"] }) {
  return <StateBadge tone={state === "expected" ? "good" : "warn"}>{state}</StateBadge>;
}

/** What is absent, said in grey instead of left blank. */
export function NotKnown({ children }: { readonly children: string }) {
  return <span className="rw-not-known">{children}</span>;
}
