import type { HostPolicy, HostRule } from "./host-policy.ts";
import { ANY, type KernelSlot, PEER_SOMEBODY, type PolicyEntry, REMOTE_NONE } from "./kernel.ts";
import { MISS, PORT_LAST, type PortRange, paired, portBlocksOf } from "./port-blocks.ts";
import type { Remote } from "./remote.ts";
import { ruleHolds, type Subject } from "./subject.ts";

const PROTO_NUMBER = { tcp: 6, udp: 17 } as const;
const DIRECTIONS = ["outbound", "inbound"] as const;
/** The peer of whom every factor is as the process would like it. */
const AGREEABLE: Remote = { kind: "agreeable" };
/** Among rule ids: some peer is allowed, by whichever rule. Not an id. */
const ALLOWED = -2;
const DEFAULT_DENY = 0;

export type SomebodyChannel = { readonly direction: "outbound" | "inbound"; readonly proto: "tcp" | "udp" };
/** What holds for a subject (null: any) and the peers of some sets, by rule ids in order of ports. */
export type RangesOf = (
  channel: SomebodyChannel,
  subject: Subject | null,
  sets: ReadonlySet<number>,
  remote: Remote,
) => readonly PortRange[];

export type SomebodyPlanner = {
  readonly anySubject: () => readonly PolicyEntry[];
  readonly subject: (id: number, subject: Subject) => readonly PolicyEntry[];
};

/** Whether sockets that wait for others are judged at all: only where a segment governs what comes in. */
export function judgesListeners(modes: KernelSlot["modes"]): boolean {
  return modes.inbound !== null;
}

/**
 * Entries for the peer "somebody": the least severe verdict that any peer would meet, those included that have no address
 * now. Inbound by port, for who waits for others; outbound over all ports, for a port that a client may have bound.
 */
export function createSomebodyPlanner(
  policy: HostPolicy,
  classes: readonly { readonly sets: ReadonlySet<number> }[],
  rangesOf: RangesOf,
): SomebodyPlanner {
  const rules = new Map(policy.rules.map((rule) => [rule.id, rule]));
  const judges = judgesListeners(policy.modes);
  const rangesFor = (channel: SomebodyChannel, subject: Subject | null): readonly PortRange[] => {
    const seen = new Set(classes.map(({ sets }) => rangesOf(channel, subject, sets, AGREEABLE)));
    const met: (readonly PortRange[])[] = [...seen].map((ranges) =>
      ranges.map((one) => ({ ...one, value: gradeOf(one, rules) })),
    );
    const least = met.reduce((a, b) => merge(a, b, rules));
    return channel.direction === "outbound"
      ? anyPort(least, rules)
      : withServing(policy, channel, subject, least);
  };
  const entriesFor = (id: number, subject: Subject | null): readonly PolicyEntry[] =>
    channels().flatMap((channel) => {
      const ranges = rangesFor(channel, subject);
      if (subject !== null && sameRanges(ranges, rangesFor(channel, null))) return [];
      return portBlocksOf(ranges, DEFAULT_DENY).map(({ port, bits, value }) => ({
        subject: id,
        peer: PEER_SOMEBODY,
        direction: channel.direction,
        proto: PROTO_NUMBER[channel.proto],
        port,
        portBits: bits,
        action: value === ALLOWED ? ("allow" as const) : ("deny" as const),
        immediate: rules.get(value)?.immediate ?? false,
        essential: false,
        rule: Math.max(value, DEFAULT_DENY),
        remote: REMOTE_NONE,
      }));
    });
  return {
    anySubject: () => (judges ? entriesFor(ANY, null) : []),
    // SUBJECT_UNKNOWN too: known software of which nothing can be told. Who has no class yet the kernel lets wait unasked.
    subject: (id, subject) => (judges ? entriesFor(id, subject) : []),
  };
}

function channels(): readonly SomebodyChannel[] {
  return DIRECTIONS.flatMap((direction) => (["tcp", "udp"] as const).map((proto) => ({ direction, proto })));
}

function gradeOf({ value }: PortRange, rules: ReadonlyMap<number, HostRule>): number {
  if (value === MISS) return DEFAULT_DENY;
  return rules.get(value)?.action === "allow" ? ALLOWED : value;
}

/** The less severe of two: allowed, denied by default, denied by a rule, denied in every mode. */
function lesser(a: number, b: number, rules: ReadonlyMap<number, HostRule>): number {
  const severity = (value: number): number =>
    value === ALLOWED ? 0 : value === DEFAULT_DENY ? 1 : rules.get(value)?.immediate === true ? 3 : 2;
  return severity(b) < severity(a) ? b : a;
}

function merge(
  a: readonly PortRange[],
  b: readonly PortRange[],
  rules: ReadonlyMap<number, HostRule>,
): readonly PortRange[] {
  return joined(paired(a, b).map(({ from, to, a: x, b: y }) => ({ from, to, value: lesser(x, y, rules) })));
}

function anyPort(ranges: readonly PortRange[], rules: ReadonlyMap<number, HostRule>): readonly PortRange[] {
  const value = ranges.map((one) => one.value).reduce((a, b) => lesser(a, b, rules));
  return [{ from: 0, to: PORT_LAST, value }];
}

/** Allows that mean nobody at this hour, or nobody yet: whoever they speak for may wait. */
function withServing(
  policy: HostPolicy,
  { proto }: SomebodyChannel,
  subject: Subject | null,
  ranges: readonly PortRange[],
): readonly PortRange[] {
  let served = ranges;
  for (const { process, ports } of policy.serve ?? []) {
    if (!ruleHolds({ process, action: "allow" }, subject)) continue;
    for (const port of ports ?? [{ proto, from: 0, to: PORT_LAST }]) {
      if (port.proto !== proto) continue;
      const cover = [
        { from: 0, to: port.from - 1, value: MISS },
        { from: port.from, to: port.to, value: ALLOWED },
        { from: port.to + 1, to: PORT_LAST, value: MISS },
      ].filter(({ from, to }) => from <= to);
      served = joined(
        paired(cover, served).map(({ from, to, a, b }) => ({ from, to, value: a === ALLOWED ? a : b })),
      );
    }
  }
  return served;
}

function joined(ranges: readonly PortRange[]): readonly PortRange[] {
  const all: PortRange[] = [];
  for (const range of ranges) {
    const last = all.at(-1);
    if (last?.value === range.value) all[all.length - 1] = { ...last, to: range.to };
    else all.push(range);
  }
  return all;
}

function sameRanges(a: readonly PortRange[], b: readonly PortRange[]): boolean {
  return a.length === b.length && a.every(({ to, value }, i) => to === b[i]?.to && value === b[i]?.value);
}
