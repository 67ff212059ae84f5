import type { LoweredHost } from "@ringwall/policy/lower";
import { ANY, type PeerEntry, type PolicyEntry } from "../kernel/contract.ts";
import { SOMEBODY } from "../kernel/names.ts";
import type { KernelPlan } from "./kernel-plan.ts";

/** Entries printed of each kind unless all are asked for. */
export const PLAN_LINES_MAX = 200;

/** A plan as text for people: one line a change, in the order in which it is carried out. */
export function formatPlan(plan: KernelPlan, lowered: LoweredHost, linesMax = PLAN_LINES_MAX): string {
  const { contents, slot, from } = plan;
  const lines = [
    `generation ${from} -> ${contents.generation}, written to slot ${slot}, then made live in one step`,
    formatModes(contents),
  ];
  section(lines, "peer classes", contents.peers.map(formatPeer), linesMax);
  section(
    lines,
    "process classes",
    contents.subjects.map((entry) => `identity ${entry.identity} is class ${entry.subject}`),
    linesMax,
  );
  section(
    lines,
    "verdicts",
    contents.policies.map((entry) => formatEntry(entry, lowered)),
    linesMax,
  );
  return `${lines.join("\n")}\n`;
}

function formatModes({ modeIn, modeOut, loopbackEnforce, failOpen }: KernelPlan["contents"]): string {
  const loopback = loopbackEnforce ? "enforced" : "recorded";
  const fail = failOpen ? "open" : "static";
  return `modes: inbound ${modeIn}, outbound ${modeOut}; loopback ${loopback}; unknown processes fail ${fail}`;
}

function section(lines: string[], title: string, entries: readonly string[], linesMax: number): void {
  lines.push(`${title}: ${entries.length}`);
  for (const entry of entries.slice(0, linesMax)) lines.push(`  ${entry}`);
  if (entries.length > linesMax) lines.push(`  … and ${entries.length - linesMax} more`);
}

function formatPeer(peer: PeerEntry): string {
  const marks = [peer.self ? "self" : "", peer.managed ? "managed" : ""].filter((mark) => mark !== "");
  const text = `${formatPrefix(peer.address, peer.prefixBits)} is class ${peer.peerClass}`;
  return marks.length === 0 ? text : `${text} (${marks.join(", ")})`;
}

function formatEntry(entry: PolicyEntry, lowered: LoweredHost): string {
  const subject =
    entry.subject === ANY ? "any process" : (SUBJECTS[entry.subject] ?? `class ${entry.subject}`);
  const peer = PEERS[entry.peer] ?? `peer class ${entry.peer}`;
  const way = entry.direction === "out" ? `${subject} -> ${peer}` : `${peer} -> ${subject}`;
  const flags = `${entry.immediate ? " immediate" : ""}${entry.essential ? " essential" : ""}`;
  return `${entry.action}${flags} ${way} ${formatPorts(entry)} by ${lowered.ruleName(entry.rule)}`;
}

const PEERS: Readonly<Record<number, string>> = {
  0: "unlisted peer",
  [ANY]: "any peer",
  [SOMEBODY]: "somebody (listening)",
};
const SUBJECTS: Readonly<Record<number, string>> = { 0: "unknown process", 1: "the agent" };
const PROTOCOLS: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp", 132: "sctp" };

function formatPorts({ proto, port, portBits }: PolicyEntry): string {
  const name = PROTOCOLS[proto] ?? `protocol ${proto}`;
  if (portBits === 0) return name;
  const last = port + 2 ** (16 - portBits) - 1;
  return last === port ? `${name}/${port}` : `${name}/${port}-${last}`;
}

/** A prefix as people write it; `::ffff:0:0/96` and longer stand for IPv4. */
export function formatPrefix(address: Uint8Array, bits: number): string {
  const host = formatAddress(address);
  return host.includes(":") ? `${host}/${bits}` : `${host}/${bits - 96}`;
}

/** 16 bytes as text, RFC 5952; IPv4-mapped ones as IPv4. */
export function formatAddress(address: Uint8Array): string {
  const mapped =
    address.subarray(0, 10).every((byte) => byte === 0) && address[10] === 0xff && address[11] === 0xff;
  if (mapped) return address.subarray(12, 16).join(".");
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((address[i * 2] ?? 0) << 8) | (address[i * 2 + 1] ?? 0)).toString(16),
  );
  const run = longestZeroRun(groups);
  if (run.length < 2) return groups.join(":");
  const head = groups.slice(0, run.start).join(":");
  const tail = groups.slice(run.start + run.length).join(":");
  return `${head}::${tail}`;
}

function longestZeroRun(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === "0") length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
