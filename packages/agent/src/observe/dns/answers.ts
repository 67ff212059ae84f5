import { type DnsMessage, decodeDnsMessage, TYPE_A, TYPE_AAAA } from "./message.ts";

/** An address that a configured resolver gave for a name that a process here asked for. */
export type ResolvedName = {
  /** As asked for; what it is an alias of is nobody's word but that name's owner's. */
  readonly name: string;
  /** 16 bytes, IPv4 mapped. */
  readonly address: Uint8Array;
  readonly ttlSeconds: number;
};

/** One message between a process and a resolver. */
export type SeenMessage = {
  readonly socketCookie: bigint;
  readonly toResolver: boolean;
  readonly timeNs: bigint;
  readonly bytes: Uint8Array;
};

/** Questions that wait for their answer; the oldest goes first. */
export const QUESTIONS_MAX = 4096;
const QUESTION_NS_MAX = 30_000_000_000n;
/** Aliases of one answer that are followed. */
const ALIASES_MAX = 16;

export type AnswerCounts = {
  /** Answers that nobody had asked for: another id, another question, another socket, or too late. */
  unasked: number;
  /** Messages that could not be read. */
  unreadable: number;
  /** Cut answers, which the program has to ask for again by TCP. */
  truncated: number;
};
export type Answers = {
  readonly take: (message: SeenMessage) => readonly ResolvedName[];
  readonly counts: () => Readonly<AnswerCounts>;
};

/**
 * Pairs answers with questions: only what was asked by this very socket, under this id, with these words, is believed.
 * That the packet came from a configured resolver is the kernel's part.
 */
export function createAnswers(): Answers {
  const waiting = new Map<string, { readonly timeNs: bigint }>();
  const counts: AnswerCounts = { unasked: 0, unreadable: 0, truncated: 0 };

  function ask(key: string, timeNs: bigint): void {
    waiting.delete(key);
    waiting.set(key, { timeNs });
    const oldest = waiting.keys().next().value;
    if (waiting.size > QUESTIONS_MAX && oldest !== undefined) waiting.delete(oldest);
  }

  return {
    counts: () => counts,
    take: ({ socketCookie, toResolver, timeNs, bytes }) => {
      const message = decodeDnsMessage(bytes);
      if (message === null) {
        counts.unreadable++;
        return [];
      }
      const { name, type } = message.question;
      const key = `${socketCookie} ${message.id} ${type} ${name}`;
      if (toResolver !== !message.isAnswer) return [];
      if (toResolver) {
        ask(key, timeNs);
        return [];
      }
      const question = waiting.get(key);
      if (question === undefined || timeNs - question.timeNs > QUESTION_NS_MAX) {
        counts.unasked++;
        return [];
      }
      // A cut answer is followed by a question of its own.
      waiting.delete(key);
      if (message.truncated) counts.truncated++;
      return message.failed || message.truncated ? [] : addressesOf(message);
    },
  };
}

/** The addresses at the end of the aliases, for the name that was asked for; as short-lived as the shortest of them. */
export function addressesOf({ question, answers }: DnsMessage): readonly ResolvedName[] {
  if (question.type !== TYPE_A && question.type !== TYPE_AAAA) return [];
  let { name } = question;
  let ttlSeconds = Number.POSITIVE_INFINITY;
  for (let left = ALIASES_MAX; left > 0; left--) {
    const found = answers.filter((one) => one.kind === "address" && one.name === name);
    if (found.length > 0) {
      return found.flatMap((one) =>
        one.kind === "address"
          ? [{ name: question.name, address: one.address, ttlSeconds: Math.min(ttlSeconds, one.ttlSeconds) }]
          : [],
      );
    }
    const alias = answers.find((one) => one.kind === "alias" && one.name === name);
    if (alias?.kind !== "alias") return [];
    ttlSeconds = Math.min(ttlSeconds, alias.ttlSeconds);
    name = alias.target;
  }
  return [];
}
