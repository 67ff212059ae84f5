import type { Party } from "../party.ts";
import type { Subject } from "./attempt.ts";
import { type Recognition, recognise } from "./known-software.ts";
import type { PolicyJudge } from "./policy-judge.ts";
import type { Replica } from "./replicas.ts";

/**
 * `known-role`: a new replica does what its role does: propose. `known-upgrade`: known software with other content that
 * is vouched for, or that several hosts changed over to: propose. `new`: known software of a known role with a new
 * partner: ask. `suspicious`: unknown software, changed content, odd direction, a role that never did this: alert.
 */
export type DriftClass = "known-role" | "known-upgrade" | "new" | "suspicious";

type Context = {
  readonly judge: PolicyJudge;
  readonly replicas: readonly Replica[];
  readonly subjects: readonly Subject[];
};

/** Hosts that must carry the new content alike before it counts as an upgrade without a package's word. */
const UPGRADED_HOSTS_MIN = 2;

export type Classified = {
  readonly class: DriftClass;
  readonly words: string;
  /** Of a known upgrade: the policy's software that it is the new content of. */
  readonly upgraded?: readonly string[];
};

export function classify(subject: Subject, context: Context): Classified {
  const { judge, replicas } = context;
  const { link, parties } = subject;
  const standIn = (
    party: Party | undefined,
  ): { readonly replica: Replica; readonly member: string } | null => {
    const replica =
      party?.kind === "workload" ? replicas.find((one) => one.workload === party.name) : undefined;
    const member = judge.segments.find(({ segment }) => segment.metadata.name === replica?.segment)
      ?.members[0];
    return replica === undefined || member === undefined ? null : { replica, member };
  };
  const src = standIn(parties[link.src]);
  const dst = standIn(parties[link.dst]);
  const places = {
    ...(src === null ? {} : { src: src.member }),
    ...(dst === null ? {} : { dst: dst.member }),
  };
  const joined = src ?? dst;
  if (joined !== null && judge.allows(subject, places) === true) {
    return {
      class: "known-role",
      words: `\`${joined.replica.workload}\` is a new replica of \`${joined.replica.segment}\`: ${joined.replica.words}`,
    };
  }
  const program = subject.program === null ? null : recognise(subject.program, judge.software);
  const server = subject.server === null ? null : recognise(subject.server, judge.software);
  return (
    upgrade(subject, program, server, places, context) ??
    stranger(program, server, subject) ??
    oddity(subject, program, context)
  );
}

/** Content that changed: an upgrade where something vouches for it, else what a replaced binary looks like. */
function upgrade(
  subject: Subject,
  program: Recognition | null,
  server: Recognition | null,
  places: { readonly src?: string; readonly dst?: string },
  { judge, subjects }: Context,
): Classified | null {
  const changed = [program, server].find((one) => one?.kind === "changed");
  if (changed === undefined || changed === null || changed.kind !== "changed") return null;
  const names = {
    ...(program?.kind === "changed" ? { program: program.software } : {}),
    ...(server?.kind === "changed" ? { server: server.software } : {}),
  };
  const identity = program?.kind === "changed" ? subject.program : subject.server;
  const hosts = new Set(
    subjects.flatMap((other) => [
      ...(other.program?.exeSha256 === identity?.exeSha256 && other.program?.exe === identity?.exe
        ? [other.link.src]
        : []),
      ...(other.server?.exeSha256 === identity?.exeSha256 && other.server?.exe === identity?.exe
        ? [other.link.dst]
        : []),
    ]),
  ).size;
  const isVouched = [program, server].every((one) => one?.kind !== "changed" || one.isVouched);
  if (!isVouched && hosts < UPGRADED_HOSTS_MIN) {
    return {
      class: "suspicious",
      words: `the content of \`${changed.software}\` changed on one host only, and no package vouches for it`,
    };
  }
  const why = isVouched
    ? "its package vouches for the new content"
    : `${hosts} hosts changed over to the new content`;
  if (judge.allows(subject, { ...places, ...names }) !== true) return null;
  return {
    class: "known-upgrade",
    words: `\`${changed.software}\` was upgraded: ${why}`,
    upgraded: Object.values(names),
  };
}

function stranger(
  program: Recognition | null,
  server: Recognition | null,
  subject: Subject,
): Classified | null {
  if (program?.kind === "unknown") {
    const path = subject.program?.script ?? subject.program?.exe;
    return { class: "suspicious", words: `\`${path}\` is no software of the policy` };
  }
  if (server?.kind === "unknown") {
    const path = subject.server?.script ?? subject.server?.exe;
    return { class: "suspicious", words: `\`${path}\`, which answered, is no software of the policy` };
  }
  return null;
}

/** Known software: is it just a new partner, or something its role never does? */
function oddity(
  { link, parties }: Subject,
  program: Recognition | null,
  { judge, subjects }: Context,
): Classified {
  const [from, to] = [parties[link.src], parties[link.dst]].map((party) =>
    party?.kind === "workload" ? judge.segmentOf(party.name) : null,
  );
  const name = program?.kind === "known" ? `\`${program.software}\`` : "an unknown program";
  if (from != null && program?.kind === "known" && !runsAsClient(judge, from, program.software)) {
    return {
      class: "suspicious",
      words: `${name} of \`${from}\` never opened connections: its role does not do this`,
    };
  }
  const isReversed =
    from != null && to != null && from !== to && reaches(judge, to, from) && !reaches(judge, from, to);
  if (isReversed)
    return { class: "suspicious", words: `\`${to}\` calls \`${from}\`, never the other way round` };
  const peers = judge.segments.find(({ segment }) => segment.metadata.name === from)?.members.length ?? 1;
  const alike = new Set(
    subjects
      .filter((other) => other.link.dst === link.dst && other.link.port === link.port)
      .map((other) => other.link.src),
  );
  if (from != null && peers >= 2 && alike.size === 1) {
    return {
      class: "suspicious",
      words: `one of the ${peers} workloads of \`${from}\` alone does this: odd for the role`,
    };
  }
  return {
    class: "new",
    words: `${name}${from == null ? "" : ` of \`${from}\``} has a new partner: allow it or leave it`,
  };
}

function runsAsClient(judge: PolicyJudge, segment: string, software: string): boolean {
  return judge.rules.some(
    (rule) =>
      (rule.from.length === 0 || rule.from.includes(segment)) &&
      (rule.software === null || rule.software.includes(software)),
  );
}

function reaches(judge: PolicyJudge, from: string, to: string): boolean {
  return judge.rules.some((rule) => rule.from.includes(from) && rule.to.includes(to));
}
