import type { Link } from "../links.ts";
import type { Party } from "../party.ts";

/** Distinct (destination, port) targets from which on a source can be a scan. */
const TARGETS_MIN = 8;
/** Share of targets that failed outright. */
const FAILED_SHARE_MIN = 0.5;
/** A sweep that everything answers: this many ports, each hardly touched. */
const SWEEP_PORTS_MIN = 6;
const SWEEP_CONNECTIONS_PER_TARGET_MAX = 2;

type Tally = { targets: number; failed: number; connections: number; readonly ports: Set<number> };

/** Who scans: (source, program) pairs that try many targets and mostly fail, or touch many ports once. */
export function findScanners(links: readonly Link[], parties: readonly Party[]): ReadonlySet<string> {
  const tallies = new Map<string, Tally>();
  for (const link of links) {
    const kind = parties[link.dst]?.kind;
    if (kind === "special" || kind === "loopback") continue;
    const key = scanKey(link);
    const tally = tallies.get(key) ?? { targets: 0, failed: 0, connections: 0, ports: new Set<number>() };
    tallies.set(key, tally);
    tally.targets += 1;
    if (link.established === 0) tally.failed += 1;
    tally.connections += link.established + link.refused + link.timeout + link.denied;
    tally.ports.add(link.port);
  }
  const scanners = new Set<string>();
  for (const [key, tally] of tallies) if (isScan(tally)) scanners.add(key);
  return scanners;
}

/** One program on one host, or one unowned address. */
export function scanKey(link: Link): string {
  return `${link.src} ${link.srcSoftware} ${link.srcIp ?? ""}`;
}

function isScan({ targets, failed, connections, ports }: Tally): boolean {
  if (targets < TARGETS_MIN) return false;
  if (failed / targets >= FAILED_SHARE_MIN) return true;
  return (
    ports.size >= SWEEP_PORTS_MIN && connections / targets <= SWEEP_CONNECTIONS_PER_TARGET_MAX && failed > 0
  );
}
