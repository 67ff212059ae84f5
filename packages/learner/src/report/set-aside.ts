import type { Link } from "../links.ts";
import { type Party, partyWords } from "../party.ts";
import type { SetAside, SetAsideReason } from "../result.ts";
import type { Rejection } from "../review/rejection.ts";
import { portSpec } from "../rules/merge.ts";
import type { SoftwareGroup } from "../software/software-group.ts";

export type Aside = {
  readonly link: Link;
  readonly reason: SetAsideReason;
  /** Where a person said so: the rule that was rejected, and why. */
  readonly rejection?: Rejection;
};

/** Findings that a person should look at first. */
const SUSPICIOUS: ReadonlySet<SetAsideReason> = new Set([
  "scan",
  "low-trust-software",
  "dual-use-software",
  "changed-content",
  "tainted-destination",
  "tainted-program",
  "no-peer-support",
  "client-to-client",
]);
/** Destinations and ports spelled out in one finding. */
const SHOWN_MAX = 5;

type Context = { readonly parties: readonly Party[]; readonly software: readonly SoftwareGroup[] };

/** One finding per source, program and reason; a scan of a thousand ports is one line. */
export function setAsideReport(asides: readonly Aside[], context: Context): readonly SetAside[] {
  const groups = Map.groupBy(asides, ({ link, reason }) =>
    reason === "scan" || reason === "failed" || reason === "denied"
      ? `${reason} ${link.src} ${link.srcSoftware} ${link.srcIp ?? ""}`
      : `${reason} ${link.src} ${link.srcSoftware} ${link.srcIp ?? ""} ${link.dst} ${link.dstSoftware} ${link.ip ?? ""}`,
  );
  const findings = [...groups.values()].map((group) => findingOf(group, context));
  return findings.sort(
    (a, b) => Number(b.suspicious) - Number(a.suspicious) || (keyOf(a) < keyOf(b) ? -1 : 1),
  );
}

function keyOf({ reason, edge }: SetAside): string {
  return [reason, edge.src, edge.srcSoftware, edge.dst, edge.dstSoftware, edge.port].join("\t");
}

function findingOf(group: readonly Aside[], { parties, software }: Context): SetAside {
  const [first] = group;
  if (first === undefined) throw new Error("bug: an empty finding");
  const { link, reason } = first;
  const destinations = new Set(group.map((aside) => aside.link.ip ?? partyWords(parties[aside.link.dst])));
  const ports = new Set(group.map((aside) => portSpec(aside.link.proto, aside.link.port)));
  const program = software[link.srcSoftware];
  const edge = {
    src: link.srcIp ?? partyWords(parties[link.src]),
    srcSoftware: program?.name ?? null,
    dst: some([...destinations].sort()),
    dstSoftware: destinations.size === 1 ? (software[link.dstSoftware]?.name ?? null) : null,
    port: some([...ports].sort()),
  };
  const tally = group.reduce(
    (sum, aside) =>
      sum + aside.link.established + aside.link.refused + aside.link.timeout + aside.link.denied,
    0,
  );
  const suspect = program?.suspect ?? software[link.dstSoftware]?.suspect ?? null;
  const words =
    first.rejection !== undefined
      ? rejectedWords(first.rejection)
      : sentence(
          reason,
          edge.srcSoftware ?? "an unknown program",
          edge.src,
          destinations.size,
          ports.size,
          suspect,
        );
  return { edge, reason, words, edges: group.length, connections: tally, suspicious: SUSPICIOUS.has(reason) };
}

export function rejectedWords({ policy, rule, reason }: Rejection): string {
  return `a person rejected \`${policy}/${rule.name}\`, which would allow it: ${reason}`;
}

function some(values: readonly string[]): string {
  const rest = values.length - SHOWN_MAX;
  return rest > 0 ? `${values.slice(0, SHOWN_MAX).join(", ")} and ${rest} more` : values.join(", ");
}

export function sentence(
  reason: SetAsideReason,
  program: string,
  host: string,
  destinations: number,
  ports: number,
  suspect: string | null,
): string {
  switch (reason) {
    case "essential":
      return `Ringwall's own traffic: always allowed, needs no rule`;
    case "scan":
      return `${program} on ${host} tried ${ports} ports on ${destinations} destinations, mostly in vain: a scan`;
    case "failed":
      return `no connection of ${program} on ${host} to these succeeded: nothing there to allow`;
    case "denied":
      return `something else refused these already; a rule would open what is closed today`;
    case "ephemeral":
      return `a client port with nothing known to listen on it is not a service`;
    case "no-port":
      return `the record carries no port`;
    case "unknown-party":
      return `no end of it is a workload of the inventory, so no segment can hold a rule for it`;
    case "low-trust-software":
      return `\`${program}\` lies where anybody may write, or has no file: it is never learned; allow it by hand if it is yours`;
    case "dual-use-software":
      return `\`${program}\` is a general tool that attackers use because it is there, and no role uses it alike on several hosts`;
    case "changed-content":
      return suspect ?? `the program's content changed and nothing vouches for it`;
    case "tainted-destination":
      return `software under suspicion reached this address too, so nothing else may rely on it`;
    case "tainted-program":
      return `\`${program}\` runs on ${host} alone and went to an address that software under suspicion reached`;
    case "no-peer-support":
      return `only one host of its role does this, and the others would have shown it: odd for the role`;
    case "client-to-client":
      return `${host} and its target are clients of the same services, and no other host calls it there: one client enters another`;
    case "rejected":
      return "a person rejected a rule that would allow it";
    case "one-off":
      return `seen too rarely to tell a job from an intruder`;
  }
}
