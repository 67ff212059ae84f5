import type { ProcessIdentity } from "@ringwall/model";
import type { HostPolicy } from "./host-policy.ts";
import {
  ANY,
  type KernelSlot,
  type PolicyEntry,
  REMOTE_FIRST,
  REMOTE_PROVISIONAL,
  REMOTE_UNKNOWN,
  SUBJECT_AGENT,
  SUBJECT_FIRST,
  SUBJECT_UNKNOWN,
} from "./kernel.ts";
import { matchSoftware, type Truth } from "./match-software.ts";
import { peerClassesOf } from "./peer-trie.ts";
import { createPlanner, type Numbered } from "./plan-entries.ts";
import { type Remote, remoteOf } from "./remote.ts";
import { judgesListeners } from "./somebody.ts";
import { judgeSelector, NOBODY, type Subject } from "./subject.ts";

/** A host policy in the kernel's terms. Stateful in one way only: classes are numbered as processes and peers' software are met. */
export type LoweredHost = {
  readonly slot: KernelSlot;
  /** For `ANY`, `SUBJECT_UNKNOWN` and `SUBJECT_AGENT`; to be written before the slot becomes active. */
  readonly entries: readonly PolicyEntry[];
  /**
   * The class of a process; null = not known (yet). `entries` are to be written before the kernel learns the subject;
   * empty where the class was met before. Processes that match the same selectors share a class, an odd one where the
   * policy names their software (`guard_memory`).
   */
  readonly subjectOf: (identity: ProcessIdentity | null) => {
    readonly subject: number;
    readonly entries: readonly PolicyEntry[];
  };
  /**
   * The remote class of proved software. `entries` are to be written before the kernel learns the number; empty where
   * the class was met before.
   */
  readonly remoteOf: (identity: ProcessIdentity) => {
    readonly remote: number;
    readonly entries: readonly PolicyEntry[];
  };
  /** `POLICY/RULE NAME`, `essential/WHICH`, or `default` for 0. */
  readonly ruleName: (id: number) => string;
  /** Names of this policy's software that a process certainly is. */
  readonly software: (identity: ProcessIdentity) => readonly string[];
};

/** Lowers a host policy so that the first hit in the kernel's look-up order is the right verdict (docs/dataplane.md). */
export function lowerHost(policy: HostPolicy): LoweredHost {
  const peers = peerClassesOf(policy);
  const planner = createPlanner(policy, peers);
  const names = new Map(policy.rules.map((rule) => [rule.id, rule.name]));
  const agent: Subject = policy.processSelectors.map((selector) => (selector.agent === true ? true : null));
  // What only peers are asked for does not tell local processes apart.
  const own = new Set([...policy.rules, ...(policy.serve ?? [])].map(({ process }) => process));
  const named = [...namedSoftware(policy, own)].map((name) => policy.software[name] ?? []);
  const isNamed = (identity: ProcessIdentity) => named.some((one) => matchSoftware(one, identity) === true);
  const met = new Map<string, number>([[keyOf(NOBODY(policy)), SUBJECT_UNKNOWN]]);
  const subjects: Numbered<Subject>[] = [
    { id: SUBJECT_UNKNOWN, value: NOBODY(policy) },
    { id: SUBJECT_AGENT, value: agent },
  ];
  const remotesMet = new Map<string, number>();
  const remotes: Numbered<Remote>[] = [
    { id: REMOTE_UNKNOWN, value: { kind: "unknown" } },
    { id: REMOTE_PROVISIONAL, value: { kind: "provisional" } },
  ];
  return {
    slot: {
      modes: policy.modes,
      loopbackEnforce: policy.loopback === "enforce",
      failOpen: policy.fail === "open",
      cutEstablished: policy.established === "cut",
      judgesListeners: judgesListeners(policy.modes),
      peers: peers.entries,
    },
    entries: [
      ...planner.anySubject(),
      ...planner.subject(SUBJECT_UNKNOWN, NOBODY(policy)),
      ...planner.subject(SUBJECT_AGENT, agent),
      ...subjects.flatMap((subject) => remotes.flatMap((remote) => planner.remote(subject, remote))),
    ],
    subjectOf: (identity) => {
      if (identity === null) return { subject: SUBJECT_UNKNOWN, entries: [] };
      const subject: Subject = policy.processSelectors.map((selector, i) =>
        own.has(i) ? judgeSelector(policy, selector, identity) : null,
      );
      const odd = isNamed(identity) ? 1 : 0;
      const key = odd ? `${keyOf(subject)} named` : keyOf(subject);
      const known = met.get(key);
      if (known !== undefined) return { subject: known, entries: [] };
      const id = SUBJECT_FIRST + 2 * (met.size - 1) + odd;
      if (id >= ANY) return { subject: SUBJECT_UNKNOWN, entries: [] };
      met.set(key, id);
      const numbered = { id, value: subject };
      subjects.push(numbered);
      const beside = remotes.flatMap((remote) => planner.remote(numbered, remote));
      return { subject: id, entries: [...planner.subject(id, subject), ...beside] };
    },
    remoteOf: (identity) => {
      const { key, remote } = remoteOf(policy, identity);
      const known = remotesMet.get(key);
      if (known !== undefined) return { remote: known, entries: [] };
      const id = REMOTE_FIRST + remotesMet.size;
      remotesMet.set(key, id);
      const numbered = { id, value: remote };
      remotes.push(numbered);
      return { remote: id, entries: subjects.flatMap((subject) => planner.remote(subject, numbered)) };
    },
    ruleName: (id) => names.get(id) ?? "default",
    software: (identity) =>
      Object.keys(policy.software).filter(
        (name) => matchSoftware(policy.software[name] ?? [], identity) === true,
      ),
  };
}

/** What a rule says may or may not connect, be reached, or run. */
function namedSoftware(policy: HostPolicy, own: ReadonlySet<number | null>): ReadonlySet<string> {
  const selected = policy.processSelectors.flatMap(({ software }, i) =>
    own.has(i) && software?.not === false ? software.names : [],
  );
  return new Set([...selected, ...policy.run.flatMap(({ software }) => software)]);
}

function keyOf(subject: Subject): string {
  return subject.map((truth: Truth) => (truth === null ? "?" : truth ? "1" : "0")).join("");
}
