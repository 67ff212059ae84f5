import type { ProcessIdentity } from "@ringwall/model";
import type { UpgradeView } from "@ringwall/protocol/rest";
import { PROTOCOLS } from "./flow-records.ts";
import { programName } from "./software-names.ts";
import type { Seen, SeenEnd } from "./window.ts";

/** Days for which a program whose content changed is watched for behaviour that it did not have before. */
export const PROBATION_DAYS = 7;
/** Peers listed of one upgrade, most connections first. */
export const UPGRADE_PEERS_MAX = 100;
const DAY_MS = 86_400_000;

type Peer = UpgradeView["newPeers"][number];
/** One content of a program: digests of executable and script together. */
type Content = { readonly process: ProcessIdentity; firstMs: number; readonly peers: Map<string, Peer> };
type Program = { readonly workload: string; readonly contents: Map<string, Content> };

/**
 * Programs whose content changed within what was seen, the latest change first: what the newest content talks to that
 * none of the earlier did, and what it no longer talks to. A program is a path (and its script's) on one workload.
 */
export function upgradesOf(seen: readonly Seen[]): UpgradeView[] {
  const programs = new Map<string, Program>();
  for (const one of seen) {
    addTo(programs, one, "outbound", one.src, one.dst);
    addTo(programs, one, "inbound", one.dst, one.src);
  }
  return [...programs.values()]
    .flatMap(({ workload, contents }) => upgradeOf(workload, [...contents.values()]) ?? [])
    .sort((a, b) => (a.since < b.since ? 1 : a.since > b.since ? -1 : a.workload < b.workload ? -1 : 1));
}

function addTo(
  programs: Map<string, Program>,
  one: Seen,
  direction: Peer["direction"],
  own: SeenEnd,
  other: SeenEnd,
): void {
  const { workload, process } = own;
  if (workload === null || process === null || process.unattributable !== null) return;
  if (process.exeSha256 === null || (process.script !== null && process.scriptSha256 === null)) return;
  const key = `${workload}\0${process.exe}\0${process.script ?? ""}`;
  const program = programs.get(key) ?? { workload, contents: new Map<string, Content>() };
  programs.set(key, program);
  const digests = `${process.exeSha256}\0${process.scriptSha256 ?? ""}`;
  const content = program.contents.get(digests) ?? { process, firstMs: one.first_ms, peers: new Map() };
  program.contents.set(digests, content);
  content.firstMs = Math.min(content.firstMs, one.first_ms);
  const proto = PROTOCOLS[one.proto] ?? "tcp";
  const peer = other.workload ?? other.ip;
  const peerKey = `${direction}\0${peer}\0${proto}\0${one.port}`;
  const count = (content.peers.get(peerKey)?.count ?? 0) + Math.max(1, one.count);
  content.peers.set(peerKey, { direction, peer, proto, port: one.port, count });
}

function upgradeOf(workload: string, contents: readonly Content[]): UpgradeView | undefined {
  const ordered = contents.toSorted((a, b) => a.firstMs - b.firstMs);
  const newest = ordered.at(-1);
  const earlier = ordered.slice(0, -1);
  const last = earlier.at(-1);
  if (newest === undefined || last === undefined) return undefined;
  const before = new Map(earlier.flatMap(({ peers }) => [...peers]));
  const { process } = newest;
  const isExecutable = process.exeSha256 !== last.process.exeSha256;
  return {
    workload,
    name: programName(process),
    exe: process.exe,
    script: process.script,
    package: isExecutable ? process.package : null,
    // Records carry the evidence of executables only: that of a script is known on its host.
    evidence: isExecutable ? process.evidence : null,
    from: { exeSha256: last.process.exeSha256, scriptSha256: last.process.scriptSha256 },
    to: { exeSha256: process.exeSha256, scriptSha256: process.scriptSha256 },
    since: new Date(newest.firstMs).toISOString(),
    probationUntil: new Date(newest.firstMs + PROBATION_DAYS * DAY_MS).toISOString(),
    newPeers: listed([...newest.peers].filter(([key]) => !before.has(key))),
    missingPeers: listed([...before].filter(([key]) => !newest.peers.has(key))),
  };
}

function listed(peers: readonly (readonly [string, Peer])[]): Peer[] {
  return peers
    .toSorted(([a, one], [b, other]) => other.count - one.count || (a < b ? -1 : 1))
    .slice(0, UPGRADE_PEERS_MAX)
    .map(([, peer]) => peer);
}
