import type { LearnInput } from "../edge.ts";
import { classOfAddress } from "../knowledge/addresses.ts";
import { isInterpreter, isOwnProgram } from "../knowledge/programs.ts";
import type { Link } from "../links.ts";
import { isSilent, type Party } from "../party.ts";
import type { SetAsideReason } from "../result.ts";
import { sourcesOfServices } from "../rules/likeness.ts";
import type { SoftwareGroup } from "../software/software-group.ts";
import { findScanners, scanKey } from "./scans.ts";
import { findTaint, taintKey } from "./taint.ts";

/** Where client ports begin on Linux; a service above it needs something known to listen. */
const EPHEMERAL_PORT_MIN = 32_768;
/** What makes a high port a service where no listener was recorded: days, connections of one client, or clients. */
const SERVICE_DAYS_MIN = 2;
const SERVICE_CONNECTIONS_MIN = 10;
const SERVICE_CLIENTS_MIN = 2;
/** Hosts that must use a dual-use tool alike before it counts as the role's habit. */
const DUAL_USE_HOSTS_MIN = 3;

export type CleanContext = {
  readonly parties: readonly Party[];
  readonly software: readonly SoftwareGroup[];
  readonly essential: NonNullable<LearnInput["essential"]>;
};

export type Cleaned = {
  readonly kept: readonly Link[];
  readonly aside: readonly { readonly link: Link; readonly reason: SetAsideReason }[];
};

/** Stage 1: sets apart what must not be learned. Everything set apart keeps the reason. */
export function clean(links: readonly Link[], context: CleanContext): Cleaned {
  const scanners = findScanners(links, context.parties);
  const toolHosts = hostsOfSoftware(links);
  const services = new Set(links.flatMap((link) => (link.established > 0 ? [link.dstSoftware] : [])));
  const tainted = findTaint(links, context, (link) => isOddTool(link, context, toolHosts, services));
  const clients = sourcesOfServices(links);
  const kept: Link[] = [];
  const aside: { link: Link; reason: SetAsideReason }[] = [];
  for (const link of links) {
    const reason =
      unusable(link, context) ??
      outcomeObjection(link, context, scanners.has(scanKey(link))) ??
      softwareObjection(link, context, toolHosts, services) ??
      (link.ip !== null && tainted.addresses.has(link.ip) ? "tainted-destination" : null) ??
      (tainted.programs.has(taintKey(link)) ? "tainted-program" : null) ??
      (isEphemeral(link) && !isService(link, clients) ? "ephemeral" : null);
    if (reason === null) kept.push(link);
    else aside.push({ link, reason });
  }
  return { kept, aside };
}

function unusable(link: Link, { parties, software, essential }: CleanContext): SetAsideReason | null {
  const src = parties[link.src];
  const dst = parties[link.dst];
  const program = software[link.srcSoftware]?.identities[0];
  if (program !== undefined && isOwnProgram(program)) return "essential";
  if (link.ip !== null && essential.some(({ ip, port }) => ip === link.ip && port === link.port))
    return "essential";
  const isUnknown = (party: Party | undefined): boolean =>
    party === undefined || (party.kind === "address" && party.ip === "");
  if (isUnknown(src) || isUnknown(dst)) return "unknown-party";
  if (src?.kind !== "workload" && dst?.kind !== "workload") return "unknown-party";
  return link.port === -1 && link.proto !== "icmp" ? "no-port" : null;
}

/** Nobody answers a broadcast, so silence there is no failure; nor is it for datagrams in general. */
function outcomeObjection(link: Link, { parties }: CleanContext, isScanner: boolean): SetAsideReason | null {
  if (isScanner) return "scan";
  if (link.established > 0) return null;
  if (link.denied > 0) return "denied";
  // Nobody opens a TCP connection to everybody: there a failure is one.
  const isQuiet =
    link.proto !== "tcp" && (isSilent(parties[link.dst]) || (link.proto === "udp" && link.refused === 0));
  return link.refused + link.timeout > 0 && !isQuiet ? "failed" : null;
}

function softwareObjection(
  link: Link,
  context: CleanContext,
  hosts: ReadonlyMap<string, ReadonlySet<number>>,
  services: ReadonlySet<number>,
): SetAsideReason | null {
  for (const id of [link.srcSoftware, link.dstSoftware]) {
    const group = context.software[id];
    if (group === undefined) continue;
    if (group.suspect !== null) return "changed-content";
    if (group.trust === "low") return "low-trust-software";
  }
  return isOddTool(link, context, hosts, services) ? "dual-use-software" : null;
}

/** A general tool that hardly any host uses for this. */
function isOddTool(
  link: Link,
  { software, parties }: CleanContext,
  hosts: ReadonlyMap<string, ReadonlySet<number>>,
  services: ReadonlySet<number>,
): boolean {
  const program = software[link.srcSoftware];
  const isTool = program?.trust === "dual-use" && parties[link.dst]?.kind !== "loopback";
  // An interpreter that also serves is a service whose script the records left out.
  const isService = services.has(link.srcSoftware) && isInterpreter(program?.identities[0]?.exe ?? "");
  return isTool && !isService && (hosts.get(toolKey(link))?.size ?? 0) < DUAL_USE_HOSTS_MIN;
}

function hostsOfSoftware(links: readonly Link[]): ReadonlyMap<string, ReadonlySet<number>> {
  const hosts = new Map<string, Set<number>>();
  for (const link of links) {
    if (link.established === 0) continue;
    const key = toolKey(link);
    hosts.set(key, (hosts.get(key) ?? new Set<number>()).add(link.src));
  }
  return hosts;
}

function toolKey(link: Link): string {
  return `${link.srcSoftware} ${link.dst} ${link.proto} ${link.port}`;
}

/** Nothing is known to listen there, but a port that is called again and again is a service all the same. */
function isService(link: Link, clients: (link: Link) => number): boolean {
  return (
    link.days >= SERVICE_DAYS_MIN ||
    link.established >= SERVICE_CONNECTIONS_MIN ||
    clients(link) >= SERVICE_CLIENTS_MIN
  );
}

function isEphemeral(link: Link): boolean {
  return (
    link.port >= EPHEMERAL_PORT_MIN &&
    link.dstSoftware === -1 &&
    (link.ip === null || classOfAddress(link.ip) !== "loopback")
  );
}
