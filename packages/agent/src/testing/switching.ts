/**
 * Two kinds of revisions, each whole by itself, that have nothing in common: which port is allowed, what a deny does,
 * how process and address classes are numbered, and every rule's number. So whatever an attempt met, its rule says which
 * revision that came from, and anything taken from another one shows.
 */
import type { ProcessIdentity } from "@ringwall/model";
import { processOf } from "@ringwall/model/testing";
import type { HostPolicy, HostRule } from "@ringwall/policy/lower";
import type { DenialEvent, FlowRecord } from "../kernel/contract.ts";
import { hostPolicyOf } from "./host-policy.ts";

export const PORTS = [7001, 7002] as const;
export const CLIENTS = [11, 12] as const;
const FILLER = 10;
const RULES = 4;

/** Odd generations: the first client may use the first port only, and is refused. Even: the second, and is recorded. */
export function revisionOf(generation: number): HostPolicy {
  const odd = generation % 2 === 1;
  const [first, second] = CLIENTS;
  const software: HostPolicy["software"] = odd
    ? { filler: [entryOf(FILLER)], first: [entryOf(first)], second: [entryOf(second)] }
    : { first: [entryOf(FILLER), entryOf(first)], second: [entryOf(second)] };
  const names = Object.keys(software);
  const here = { include: ["127.0.0.0/8"], exclude: [] };
  const elsewhere = { include: ["10.9.9.9/32"], exclude: [] };
  return hostPolicyOf({
    modes: { inbound: null, outbound: odd ? "block" : "observe", processes: null },
    software,
    processSelectors: names.map((name) => ({ software: { names: [name], not: false } })),
    addressSets: odd ? [elsewhere, here] : [here],
    rules: CLIENTS.flatMap((_, client) =>
      PORTS.map((port, at) =>
        ruleOf({
          id: ruleId(generation, client, at),
          action: allows(generation, client, at) ? "allow" : "deny",
          process: names.indexOf(client === 0 ? "first" : "second"),
          peer: odd ? 1 : 0,
          port,
        }),
      ),
    ),
  });
}

/** The processes of the test, by number. */
export function identitiesOf(): readonly (readonly [number, ProcessIdentity])[] {
  return [FILLER, ...CLIENTS].map((id) => [
    id,
    processOf({ exe: `/opt/test/${id}`, exeSha256: digestOf(id) }),
  ]);
}

/** What no single revision answers: half of one and half of another. Empty is what atomic means. */
export function mixtures(flows: readonly FlowRecord[], denials: readonly DenialEvent[]): readonly string[] {
  const found: string[] = [];
  for (const { identity, port, rule, verdict, direction, count } of flows) {
    const at = PORTS.indexOf(port as (typeof PORTS)[number]);
    if (direction !== "out" || at === -1 || count === 0n) continue;
    const client = CLIENTS.indexOf(identity as (typeof CLIENTS)[number]);
    const generation = Math.floor((rule - 1) / RULES);
    const denied = generation % 2 === 1 ? "blocked" : "wouldBlock";
    const whole =
      rule === ruleId(generation, client, at) &&
      verdict === (allows(generation, client, at) ? "allowed" : denied);
    if (!whole) found.push(`process ${identity} to port ${port}: ${verdict} by rule ${rule}, ${count} times`);
  }
  for (const { generation, rule } of denials) {
    if (BigInt(Math.floor((rule - 1) / RULES)) !== generation)
      found.push(`a denial by rule ${rule} under generation ${generation}`);
  }
  return found;
}

function allows(generation: number, client: number, at: number): boolean {
  return (generation + client + at) % 2 === 1;
}

function ruleId(generation: number, client: number, at: number): number {
  return RULES * generation + 2 * client + at + 1;
}

function entryOf(id: number): HostPolicy["software"][string][number] {
  return { executable: { sha256: [digestOf(id)] } };
}

function digestOf(id: number): string {
  return String(id).padStart(64, "0");
}

function ruleOf(parts: {
  readonly id: number;
  readonly action: "allow" | "deny";
  readonly process: number;
  readonly peer: number;
  readonly port: number;
}): HostRule {
  const { port, ...rest } = parts;
  return {
    ...rest,
    name: `test/${parts.id}`,
    direction: "outbound",
    precedence: "rule",
    immediate: false,
    ports: [{ proto: "tcp", from: port, to: port }],
    unproved: [],
  };
}
