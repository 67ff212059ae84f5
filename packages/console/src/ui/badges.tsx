import { Badge, type MantineColor } from "@mantine/core";
import type {
  AlertView,
  Mode,
  Outcome,
  Provenance,
  RevisionView,
  RuleView,
  Verification,
} from "../api/types.ts";

const MODE: Record<Mode, MantineColor> = { observe: "gray", alert: "yellow", block: "teal" };
const OUTCOME: Record<Outcome, MantineColor> = { allowed: "cyan", "would-block": "yellow", blocked: "red" };
const PROVENANCE: Record<Provenance, MantineColor> = {
  signed: "teal",
  "hash-only": "yellow",
  unknown: "red",
};
const VERIFICATION: Record<Verification, MantineColor> = {
  "in-band": "teal",
  attested: "cyan",
  address: "gray",
  none: "gray",
};
const REVISION: Record<RevisionView["state"], MantineColor> = {
  unconfirmed: "yellow",
  live: "teal",
  superseded: "gray",
  reverted: "red",
};
const RULE: Record<RuleView["kind"], MantineColor> = { allow: "cyan", deny: "red", run: "grape" };
const ALERT: Record<AlertView["kind"], MantineColor> = {
  blocked: "red",
  "would-block": "yellow",
  "agent-lost": "orange",
  reverted: "orange",
  "new-software": "grape",
};

function StateBadge({ color, children }: { readonly color: MantineColor; readonly children: string }) {
  return (
    <Badge color={color} variant="light" radius="sm" size="sm" tt="none" fw={600}>
      {children}
    </Badge>
  );
}

/** Null = no segment governs this direction. */
export function ModeBadge({ mode }: { readonly mode: Mode | null }) {
  return mode === null ? (
    <NotKnown>not governed</NotKnown>
  ) : (
    <StateBadge color={MODE[mode]}>{mode}</StateBadge>
  );
}

export function OutcomeBadge({ outcome }: { readonly outcome: Outcome }) {
  return <StateBadge color={OUTCOME[outcome]}>{outcome}</StateBadge>;
}

export function ProvenanceBadge({ provenance }: { readonly provenance: Provenance }) {
  return <StateBadge color={PROVENANCE[provenance]}>{provenance}</StateBadge>;
}

export function VerificationBadge({ verification }: { readonly verification: Verification }) {
  return <StateBadge color={VERIFICATION[verification]}>{verification}</StateBadge>;
}

export function RevisionBadge({ state }: { readonly state: RevisionView["state"] }) {
  return <StateBadge color={REVISION[state]}>{state}</StateBadge>;
}

export function RuleBadge({ kind }: { readonly kind: RuleView["kind"] }) {
  return <StateBadge color={RULE[kind]}>{kind}</StateBadge>;
}

export function AlertBadge({ kind }: { readonly kind: AlertView["kind"] }) {
  return <StateBadge color={ALERT[kind]}>{kind}</StateBadge>;
}

export function AgentBadge({ state }: { readonly state: "connected" | "behind" | "lost" | "no agent" }) {
  const colors = { connected: "teal", behind: "yellow", lost: "red", "no agent": "gray" } as const;
  return <StateBadge color={colors[state]}>{state}</StateBadge>;
}

/** What is absent, said in grey instead of left blank. */
export function NotKnown({ children }: { readonly children: string }) {
  return <span className="rw-not-known">{children}</span>;
}
