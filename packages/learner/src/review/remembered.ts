import {
  API_VERSION,
  type ProcessIdentity,
  type Resource,
  type Verdict,
  type Workload,
} from "@ringwall/model";
import {
  createDecider,
  type Decider,
  type Inventory,
  inventoryOf,
  matchSoftware,
  policySetOf,
  selectsWorkload,
} from "@ringwall/policy";
import { attemptOf, type StandIn, type Subject } from "../drift/attempt.ts";
import type { Party } from "../party.ts";
import type { Partition } from "../segment/partition.ts";
import { type Rejection, softwareNamed } from "./rejection.ts";

/** What people turned down, ready to be asked. */
export type Remembered = {
  /** The rejection of a rule that would allow this. */
  readonly ofLink: (subject: Subject) => Rejection | null;
  /** The rejection of a rule that would let this program run on one of these workloads. */
  readonly ofRun: (members: readonly string[], program: ProcessIdentity) => Rejection | null;
};

type Known = {
  readonly rejection: Rejection;
  readonly decider: Decider;
  /** Workloads that its segments hold today. */
  readonly held: ReadonlySet<string>;
};

export const NOTHING_REMEMBERED: Remembered = { ofLink: () => null, ofRun: () => null };

/**
 * A rejected rule is kept as the one rule of a policy of its own, and asked what of today it would allow. Where the
 * workload is new to its segment, another member stands in; where the program was not recorded, it may be the one that
 * was turned down.
 */
export function remember(
  rejections: readonly Rejection[],
  workloads: readonly Workload[],
  partition: Partition,
): Remembered {
  const inventory = inventoryOf(workloads);
  if (rejections.length === 0 || !inventory.ok) return NOTHING_REMEMBERED;
  const known = rejections.map((rejection) => knownOf(rejection, inventory.value, workloads));
  const standIn = (one: Known, party: Party | undefined): string | undefined => {
    if (party?.kind !== "workload" || one.held.has(party.name)) return undefined;
    const peers = partition.groups[partition.of.get(party.name) ?? -1]?.members ?? [];
    return peers.find((member) => one.held.has(member));
  };
  const covers = (one: Known, subject: Subject): boolean => {
    const { rule } = one.rejection;
    if ("run" in rule) return false;
    const { link, parties, program, server } = subject;
    const stands = defined({
      src: standIn(one, parties[link.src]),
      dst: standIn(one, parties[link.dst]),
      program: program === null ? softwareNamed(rule.allow.from)[0] : undefined,
      server: server === null ? softwareNamed(rule.allow.to)[0] : undefined,
    });
    const verdict = one.decider.decide(attemptOf(subject, stands));
    return verdict.ok && isAllowed(verdict.value, rule.allow.at ?? "both");
  };
  return {
    ofLink: (subject) => known.find((one) => covers(one, subject))?.rejection ?? null,
    ofRun: (members, program) =>
      known.find(
        ({ rejection, held }) =>
          "run" in rejection.rule &&
          members.some((member) => held.has(member)) &&
          rejection.software.some(({ anyOf }) => matchSoftware(anyOf, program) !== false),
      )?.rejection ?? null,
  };
}

function knownOf(rejection: Rejection, inventory: Inventory, workloads: readonly Workload[]): Known {
  const segments = rejection.segments.map(
    ({ name, workloads: selector }): Resource => ({
      apiVersion: API_VERSION,
      kind: "Segment",
      metadata: { name },
      spec: { workloads: selector, mode: "observe" },
    }),
  );
  const software = rejection.software.map(
    ({ name, anyOf }): Resource => ({
      apiVersion: API_VERSION,
      kind: "Software",
      metadata: { name },
      spec: { anyOf, allowNamed: true },
    }),
  );
  const policy: Resource = {
    apiVersion: API_VERSION,
    kind: "Policy",
    metadata: { name: "rejected" },
    spec: { rules: [rejection.rule] },
  };
  const held = workloads.filter((one) =>
    rejection.segments.some((segment) => selectsWorkload(segment.workloads, one)),
  );
  return {
    rejection,
    decider: createDecider(policySetOf([...segments, ...software, policy]), inventory, { nearest: false }),
    held: new Set(held.map(({ metadata }) => metadata.name)),
  };
}

/** At the managed ends that the rule speaks for. */
function isAllowed({ outbound, inbound }: Verdict, at: "both" | "source" | "destination"): boolean {
  const ends = [at === "destination" ? null : outbound, at === "source" ? null : inbound].filter(
    (end) => end !== null,
  );
  return ends.length > 0 && ends.every(({ decision }) => decision === "allow");
}

function defined(standIns: { readonly [Key in keyof StandIn]: StandIn[Key] | undefined }): StandIn {
  return Object.fromEntries(Object.entries(standIns).filter(([, value]) => value !== undefined));
}
