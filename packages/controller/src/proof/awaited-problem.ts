import { formatProblem, type Problem } from "@ringwall/model";
import type { Awaited } from "./heard.ts";
import { AWAITED_NAMED_MAX } from "./limits.ts";

/** What is known of the host that others wait for. */
export type AwaitedHost = {
  readonly name: string;
  readonly connected: boolean;
  readonly lastSeen: Date | null;
};

/** For whoever looks at the hosts: which keys this one holds up, since when, until when at most, and what ends it. */
export function awaitedProblem(host: AwaitedHost, { owners, sinceMs, untilMs }: Awaited): string {
  const { name, connected, lastSeen } = host;
  // A host that went after the key came had the time to hear of it only from then on.
  const since = connected ? sinceMs : Math.max(sinceMs, lastSeen?.getTime() ?? sinceMs);
  const problem: Problem = {
    code: "keys-awaited",
    severity: "warning",
    message:
      `${hosts(owners)} not use newer proof keys, as ${connected ? "this host does not say that it has them" : "this host is away"}: ` +
      `waiting since ${minute(since)}, until ${minute(untilMs)} at most`,
    fix: connected
      ? `see the log of its agent, and whether its disk is full; if the host is gone for good: \`ringwall forget ${name}\``
      : `start its agent; if the host is gone for good: \`ringwall forget ${name}\``,
  };
  return formatProblem(problem);
}

function hosts(names: readonly string[]): string {
  const named = names.slice(0, AWAITED_NAMED_MAX);
  const more = names.length - named.length;
  const list = more > 0 ? `${named.join(", ")} and ${more} more` : named.join(", ");
  return `${list} ${names.length === 1 ? "does" : "do"}`;
}

/** `2026-11-20 10:00 UTC` */
function minute(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
