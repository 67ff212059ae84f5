import type { HostPolicy, HostRule } from "./host-policy.ts";
import { ANY, PEER_NONE, type PolicyEntry, REMOTE_NONE, REMOTE_PROVISIONAL } from "./kernel.ts";
import type { PeerClasses } from "./peer-trie.ts";
import { MISS, PORT_LAST, type PortBlock, type PortRange, paired, portBlocksOf } from "./port-blocks.ts";
import { asksPeer, type Remote, remoteHolds } from "./remote.ts";
import { createSomebodyPlanner } from "./somebody.ts";
import { ruleHolds, type Subject } from "./subject.ts";

/** `HostRule.id` of the default deny, where it has to be written out. */
const DEFAULT_DENY = 0;
/** Besides what rules can name: everything else that a raw socket sends, which only rules without ports speak of. */
const CHANNELS = [
  ...(["outbound", "inbound"] as const).flatMap((direction) =>
    (["tcp", "udp", "icmp", "sctp"] as const).map((proto) => ({ direction, proto })),
  ),
  { direction: "outbound", proto: "other" },
] as const;
type Channel = (typeof CHANNELS)[number];
const PROTO_NUMBER = { tcp: 6, udp: 17, icmp: 1, sctp: 132, other: 255 } as const;

/** What holds for one subject and one peer class in one channel: over all ports, in order, and as blocks. */
type Table = {
  readonly key: string;
  readonly ranges: readonly PortRange[];
  readonly blocks: readonly PortBlock[];
  /** The ranges as a look-up in `blocks` sees them: a default deny that is written out is a hit. */
  readonly hits: readonly PortRange[];
};

export type Planner = {
  /** Entries under (ANY, peer) and (ANY, ANY). */
  readonly anySubject: () => readonly PolicyEntry[];
  /** Entries under (subject, peer) and (subject, ANY). */
  readonly subject: (id: number, subject: Subject) => readonly PolicyEntry[];
  /** Entries under (subject, peer, remote), for every peer where the others would say something else. */
  readonly remote: (subject: Numbered<Subject>, remote: Numbered<Remote>) => readonly PolicyEntry[];
};
export type Numbered<T> = { readonly id: number; readonly value: T };

const NO_PROOF: Remote = { kind: "none" };

/**
 * The kernel looks up (subject, peer), (ANY, peer), (subject, ANY), (ANY, ANY). A table is written under a key only
 * where the keys behind it would give another verdict, and then completely, so that a hit is always the whole truth.
 */
export function createPlanner(policy: HostPolicy, peers: PeerClasses): Planner {
  const rulesById = new Map(policy.rules.map((rule) => [rule.id, rule]));
  const context: Context = {
    classes: peers.setsOf.map((sets, peer) => ({ peer, sets: new Set(sets) })),
    tableOf: createTables(policy, peers),
    written: (channel, subject, peer, blocks) =>
      blocks.map((block) => entryOf(channel, subject, peer, block, rulesById.get(block.value))),
  };
  const asked = peersAskedFor(policy, context.classes);
  const wholeOf = createWholeBlocks();
  const somebody = createSomebodyPlanner(
    policy,
    context.classes,
    (channel, subject, sets, remote) => context.tableOf(channel, subject, sets, remote).ranges,
  );
  return {
    anySubject: () => [
      ...CHANNELS.flatMap((channel) => entriesOfAnySubject(context, channel)),
      ...somebody.anySubject(),
    ],
    subject: (id, subject) => [
      ...CHANNELS.flatMap((channel) => entriesOfSubject(context, channel, id, subject)),
      ...somebody.subject(id, subject),
    ],
    remote: (subject, remote) =>
      [...asked].flatMap(([channel, classes]) =>
        entriesOfRemote({ ...context, classes }, channel, subject, remote, wholeOf),
      ),
  };
}

type PeerClass = { readonly peer: number; readonly sets: ReadonlySet<number> };
type Context = {
  readonly classes: readonly PeerClass[];
  readonly tableOf: (
    channel: Channel,
    subject: Subject | null,
    sets: ReadonlySet<number>,
    remote?: Remote,
  ) => Table;
  readonly written: (
    channel: Channel,
    subject: number,
    peer: number,
    blocks: readonly PortBlock[],
  ) => readonly PolicyEntry[];
};
const NO_SETS: ReadonlySet<number> = new Set();

function entriesOfAnySubject({ classes, tableOf, written }: Context, channel: Channel) {
  const base = tableOf(channel, null, NO_SETS);
  const perPeer = classes.flatMap(({ peer, sets }) => {
    const table = peer === PEER_NONE ? base : tableOf(channel, null, sets);
    return sameVerdicts(table.ranges, base.hits) ? [] : written(channel, ANY, peer, table.blocks);
  });
  return [...written(channel, ANY, ANY, base.blocks), ...perPeer];
}

function entriesOfSubject(
  { classes, tableOf, written }: Context,
  channel: Channel,
  id: number,
  subject: Subject,
) {
  const anyAny = tableOf(channel, null, NO_SETS);
  const own = tableOf(channel, subject, NO_SETS);
  const ownWritten = !sameVerdicts(own.ranges, anyAny.hits);
  const behind = ownWritten ? overlay(own.hits, anyAny.hits) : anyAny.hits;
  const perPeer = classes.flatMap(({ peer, sets }) => {
    const wanted = tableOf(channel, subject, sets);
    const anyPeer = tableOf(channel, null, sets);
    const peerWritten = peer !== PEER_NONE && !sameVerdicts(anyPeer.ranges, anyAny.hits);
    const met = peerWritten ? overlay(anyPeer.hits, behind) : behind;
    return sameVerdicts(wanted.ranges, met) ? [] : written(channel, id, peer, wanted.blocks);
  });
  return [...(ownWritten ? written(channel, id, ANY, own.blocks) : []), ...perPeer];
}

function entriesOfRemote(
  { classes, tableOf, written }: Context,
  channel: Channel,
  subject: Numbered<Subject>,
  remote: Numbered<Remote>,
  wholeOf: (table: Table) => readonly PortBlock[],
) {
  if (remote.id === REMOTE_PROVISIONAL && channel.direction === "inbound") return [];
  return classes.flatMap(({ peer, sets }) => {
    const wanted = tableOf(channel, subject.value, sets, remote.value);
    const plain = tableOf(channel, subject.value, sets);
    if (sameVerdicts(wanted.ranges, plain.ranges)) return [];
    const entries = written(channel, subject.id, peer, wholeOf(wanted));
    return entries.map((entry) => ({ ...entry, remote: remote.id }));
  });
}

/** Tables by the rules that hold, built once each. */
function createTables(policy: HostPolicy, peers: PeerClasses): Context["tableOf"] {
  const inhabited = new Set(peers.setsOf.flat());
  const byRank = policy.rules.toSorted((a, b) => rankOf(a) - rankOf(b) || a.id - b.id);
  const tables = new Map<string, Table>();
  return (channel, subject, sets, remote = NO_PROOF) => {
    // A set of names may have no address now.
    const isYetToCome = (rule: HostRule, peer: number) =>
      remote.kind === "agreeable" && rule.action === "allow" && !inhabited.has(peer);
    const rules = byRank.filter(
      (rule) =>
        rule.direction === channel.direction &&
        (rule.peer === null || sets.has(rule.peer) || isYetToCome(rule, rule.peer)) &&
        ruleHolds(rule, subject) &&
        remoteHolds(rule, remote) &&
        (rule.ports === null || rule.ports.some((one) => one.proto === channel.proto)),
    );
    const key = `${channel.proto} ${rules.map((rule) => rule.id).join(",")}`;
    const known = tables.get(key) ?? buildTable(key, rules, channel);
    tables.set(key, known);
    return known;
  };
}

/** The peer classes for which what is proved makes a difference; only TCP and, between hosts that want it, UDP carry proofs. */
function peersAskedFor(policy: HostPolicy, classes: readonly PeerClass[]) {
  const asking = policy.rules.filter(asksPeer);
  return new Map(
    CHANNELS.filter(({ proto }) => proto === "tcp" || proto === "udp").map((channel) => {
      const rules = asking.filter(({ direction }) => direction === channel.direction);
      const some = classes.filter(({ sets }) => rules.some(({ peer }) => peer === null || sets.has(peer)));
      return [channel, some] as const;
    }),
  );
}

/** Blocks in which every port has an answer, so that nothing behind them is met; built once for each table. */
function createWholeBlocks(): (table: Table) => readonly PortBlock[] {
  const whole = new Map<string, readonly PortBlock[]>();
  return ({ key, ranges }) => {
    const known = whole.get(key);
    if (known !== undefined) return known;
    const answers = ranges.map((one) => ({ ...one, value: Math.max(one.value, DEFAULT_DENY) }));
    const blocks = portBlocksOf(answers, DEFAULT_DENY);
    whole.set(key, blocks);
    return blocks;
  };
}

/** Essential beats deny beats allow; a deny refused in every mode beats one that is not. */
function rankOf(rule: HostRule): number {
  if (rule.precedence === "essential") return 0;
  if (rule.action === "allow") return 3;
  return rule.immediate ? 1 : 2;
}

/** @param rules strongest first */
function buildTable(key: string, rules: readonly HostRule[], { proto }: Channel): Table {
  const spans = rules.flatMap(({ id, ports }) =>
    (ports ?? [{ proto, from: 0, to: PORT_LAST }])
      .filter((one) => one.proto === proto)
      .map(({ from, to }) => ({ from, to: proto === "icmp" && to === 255 ? PORT_LAST : to, value: id })),
  );
  const starts = [...new Set([0, ...spans.flatMap(({ from, to }) => [from, to + 1])])].sort((a, b) => a - b);
  const ranges: PortRange[] = [];
  for (const [i, from] of starts.entries()) {
    if (from > PORT_LAST) break;
    const value = spans.find((span) => span.from <= from && from <= span.to)?.value ?? MISS;
    const previous = ranges.at(-1);
    const to = (starts[i + 1] ?? PORT_LAST + 1) - 1;
    if (previous?.value === value) ranges[ranges.length - 1] = { ...previous, to };
    else ranges.push({ from, to, value });
  }
  const blocks = portBlocksOf(ranges, DEFAULT_DENY);
  return { key, ranges, blocks, hits: writtenOut(ranges, blocks) };
}

/** A port without a rule is a miss, unless a block that says "default deny" lies around it. */
function writtenOut(ranges: readonly PortRange[], blocks: readonly PortBlock[]): readonly PortRange[] {
  const denies = blocks
    .filter(({ value }) => value === DEFAULT_DENY)
    .map(({ port, bits }) => ({ from: port, to: port + 2 ** (16 - bits) - 1, value: DEFAULT_DENY }));
  if (denies.length === 0) return ranges;
  return overlay(ranges, fill(denies.toSorted((a, b) => a.from - b.from)));
}

/** Misses between ranges that don't cover everything. */
function fill(ranges: readonly PortRange[]): readonly PortRange[] {
  const full: PortRange[] = [];
  let next = 0;
  for (const range of ranges) {
    if (range.from > next) full.push({ from: next, to: range.from - 1, value: MISS });
    if (range.to >= next) full.push({ ...range, from: Math.max(range.from, next) });
    next = Math.max(next, range.to + 1);
  }
  if (next <= PORT_LAST) full.push({ from: next, to: PORT_LAST, value: MISS });
  return full;
}

/** What is met where `first` is looked up before `second`. */
function overlay(first: readonly PortRange[], second: readonly PortRange[]): readonly PortRange[] {
  return paired(first, second).map(({ from, to, a, b }) => ({ from, to, value: a === MISS ? b : a }));
}

/** A miss everywhere is the default deny, the same as one that is written out. */
function sameVerdicts(wanted: readonly PortRange[], met: readonly PortRange[]): boolean {
  return (
    wanted === met ||
    paired(wanted, met).every(({ a, b }) => Math.max(a, DEFAULT_DENY) === Math.max(b, DEFAULT_DENY))
  );
}

function entryOf(
  { direction, proto }: Channel,
  subject: number,
  peer: number,
  block: PortBlock,
  rule: HostRule | undefined,
): PolicyEntry {
  return {
    subject,
    peer,
    direction,
    proto: PROTO_NUMBER[proto],
    port: block.port,
    portBits: block.bits,
    action: rule?.action ?? "deny",
    immediate: rule?.immediate ?? false,
    essential: rule?.precedence === "essential",
    rule: rule?.id ?? DEFAULT_DENY,
    remote: REMOTE_NONE,
  };
}
