import type { Policy } from "@ringwall/model";
import { API_VERSION } from "@ringwall/model";
import { formatResources } from "@ringwall/policy";
import { type Document, isMap, isSeq, parseAllDocuments, type YAMLMap, type YAMLSeq } from "yaml";
import type { ProposedRule } from "./rejection.ts";

/** What becomes of a policy's rules, by `keyOf`. */
export type RuleEdits = ReadonlyMap<
  string,
  { readonly kind: "remove" | "restore"; readonly rule: ProposedRule }
>;
/** A rule that was to return, and is in the text now. */
export type Restored = { readonly policy: string; readonly key: string };

/**
 * Takes rules out of the policies of a text, each with the comment right above it, and puts others back at the end of theirs; every
 * other byte stays. A policy that is left without a rule goes whole. A rule that the text does not hold in these very words is
 * people's: they changed it.
 */
export function editRulesIn(
  text: string,
  byPolicy: ReadonlyMap<string, RuleEdits>,
): { readonly text: string; readonly at: readonly Restored[] } {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return { text, at: [] };
  const met = new Set<string>();
  const cuts: Cut[] = [];
  const at: Restored[] = [];
  for (const document of documents) {
    const policy = policyIn(document);
    const edits = policy === null || met.has(policy) ? undefined : byPolicy.get(policy);
    if (policy === null || edits === undefined) continue;
    met.add(policy);
    const done = editDocument(text, document, edits);
    cuts.push(...done.cuts);
    at.push(...done.restored.map((key) => ({ policy, key })));
  }
  return { text: withCuts(text, cuts), at };
}

/** The text with policies behind it. */
export function appendPolicies(
  text: string,
  policies: readonly { readonly name: string; readonly rules: readonly ProposedRule[] }[],
): string {
  const documents = formatResources(policies.map(({ name, rules }) => policyOf(name, rules)));
  return text.trim() === "" ? documents : `${text.trimEnd()}\n---\n${documents}`;
}

/** A rule as it stands in a list, lines without the list's indentation. */
export function formatRule(rule: ProposedRule): readonly string[] {
  const lines = formatResources([policyOf("p", [rule])])
    .trimEnd()
    .split("\n");
  const first = lines.findIndex((line) => /^\s*- /.test(line));
  const indent = /^ */.exec(lines[first] ?? "")?.[0].length ?? 0;
  return lines.slice(first).map((line) => line.slice(indent));
}

/** The same for two rules that say the same, whatever the order of their keys. */
export function keyOf(rule: unknown): string {
  return JSON.stringify(rule, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** The characters from `from` to `until` give way to others. */
type Cut = { readonly from: number; readonly until: number; readonly instead: string };
type Edited = { readonly cuts: readonly Cut[]; readonly restored: readonly string[] };

function editDocument(text: string, document: Document.Parsed, edits: RuleEdits): Edited {
  const list = document.getIn(["spec", "rules"]);
  if (!isSeq(list)) return { cuts: [], restored: [] };
  const items = (list as YAMLSeq).items.filter(isMap);
  const places = new Map(items.map((item, place) => [keyOf(item.toJSON()), place] as const).toReversed());
  const leaving = new Set<number>();
  const returning: ProposedRule[] = [];
  const restored: string[] = [];
  const takesMore = items.length > 0 && list.flow !== true;
  for (const [key, { kind, rule }] of edits) {
    const place = places.get(key);
    if (kind === "remove") {
      if (place !== undefined) leaving.add(place);
    } else if (place !== undefined || takesMore) {
      restored.push(key);
      if (place === undefined) returning.push(rule);
    }
  }
  if (items.length > 0 && leaving.size === items.length && returning.length === 0) {
    const [from, , until] = document.range;
    return { cuts: [{ from, until, instead: "" }], restored };
  }
  if (list.flow === true) return { cuts: [], restored };
  const cuts = items.flatMap((item, place) => (leaving.has(place) ? [cutOf(text, item)] : []));
  const last = items.at(-1);
  if (last !== undefined && returning.length > 0)
    cuts.push(insertion(text, last, leaving.has(items.length - 1), returning));
  return { cuts, restored };
}

/** The policy's name; null where it is none. */
function policyIn(document: Document.Parsed): string | null {
  if (document.get("kind") !== "Policy") return null;
  const name = document.getIn(["metadata", "name"]);
  return typeof name === "string" ? name : null;
}

function cutOf(text: string, item: YAMLMap): Cut {
  const [start, until] = rangeOf(item);
  return { from: startWithComment(text, start), until, instead: "" };
}

/** The rules behind the last one of a list, indented as it is. */
function insertion(text: string, last: YAMLMap, isLeaving: boolean, rules: readonly ProposedRule[]): Cut {
  const [start, end] = rangeOf(last);
  const indent = text.slice(lineStart(text, start), start).replace(/-\s*$/, "");
  const lines = rules.flatMap(formatRule).map((line) => `${indent}${line}\n`);
  const newLine = isLeaving || text[end - 1] === "\n" ? "" : "\n";
  return { from: end, until: end, instead: `${newLine}${lines.join("")}` };
}

/** Cuts come in the order of the text; one may begin in the comment that ends another. */
function withCuts(text: string, cuts: readonly Cut[]): string {
  const kept: string[] = [];
  let done = 0;
  for (const { from, until, instead } of cuts) {
    kept.push(text.slice(done, Math.max(done, from)), instead);
    done = Math.max(done, until);
  }
  return `${kept.join("")}${text.slice(done)}`;
}

function policyOf(name: string, rules: readonly ProposedRule[]): Policy {
  return { apiVersion: API_VERSION, kind: "Policy", metadata: { name }, spec: { rules: [...rules] } };
}

function rangeOf(item: YAMLMap): readonly [number, number] {
  if (item.range == null) throw new Error("bug: a parsed item without a place");
  return [item.range[0], item.range[1]];
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

/** Where the comment lines right above begin. */
function startWithComment(text: string, at: number): number {
  let start = lineStart(text, at);
  while (start > 0) {
    const above = lineStart(text, start - 1);
    if (!/^\s*#/.test(text.slice(above, start))) break;
    start = above;
  }
  return start;
}
