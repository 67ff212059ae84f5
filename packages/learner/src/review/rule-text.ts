import type { Policy } from "@ringwall/model";
import { API_VERSION } from "@ringwall/model";
import { formatResources } from "@ringwall/policy";
import { isMap, isSeq, parseAllDocuments, type YAMLMap, type YAMLSeq } from "yaml";
import type { ProposedRule } from "./rejection.ts";

/**
 * Takes a rule out of a policy's text, with the comment right above it; every other byte stays. A policy that has no
 * other rule goes whole. Null where the text does not hold this very rule: people changed it, and it is theirs.
 */
export function removeRule(text: string, policy: string, rule: ProposedRule): string | null {
  const list = rulesIn(text, policy);
  const item = list?.items.find((one) => sameRule(one, rule));
  if (list === null || item === undefined) return null;
  if (list.items.length === 1) return cut(text, list.document[0], list.document[2]);
  if (list.isFlow) return null;
  const [start, end] = rangeOf(item);
  return cut(text, startWithComment(text, start), end);
}

/** Puts a rule back at the end of its policy. Null where the text holds no such policy to put it into. */
export function addRule(text: string, policy: string, rule: ProposedRule): string | null {
  const list = rulesIn(text, policy);
  const last = list?.items.at(-1);
  if (list === null || last === undefined || list.isFlow) return null;
  if (list.items.some((one) => sameRule(one, rule))) return text;
  const [start, end] = rangeOf(last);
  const indent = text.slice(lineStart(text, start), start).replace(/-\s*$/, "");
  const lines = formatRule(rule).map((line) => `${indent}${line}`);
  const before = text.slice(0, end);
  return `${before}${before.endsWith("\n") ? "" : "\n"}${lines.join("\n")}\n${text.slice(end)}`;
}

/** The text with a policy of that one rule behind it. */
export function appendPolicy(text: string, policy: string, rule: ProposedRule): string {
  const document = policyText(policy, rule);
  return text.trim() === "" ? document : `${text.trimEnd()}\n---\n${document}`;
}

/** A rule as it stands in a list, lines without the list's indentation. */
export function formatRule(rule: ProposedRule): readonly string[] {
  const lines = policyText("p", rule).trimEnd().split("\n");
  const first = lines.findIndex((line) => /^\s*- /.test(line));
  const indent = /^ */.exec(lines[first] ?? "")?.[0].length ?? 0;
  return lines.slice(first).map((line) => line.slice(indent));
}

type RuleList = {
  readonly items: readonly YAMLMap[];
  readonly isFlow: boolean;
  readonly document: readonly [number, number, number];
};

function rulesIn(text: string, policy: string): RuleList | null {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return null;
  for (const document of documents) {
    if (document.get("kind") !== "Policy" || document.getIn(["metadata", "name"]) !== policy) continue;
    const rules = document.getIn(["spec", "rules"]);
    if (!isSeq(rules)) return null;
    const items = (rules as YAMLSeq).items.filter(isMap);
    return { items, isFlow: rules.flow === true, document: document.range };
  }
  return null;
}

function sameRule(item: YAMLMap, rule: ProposedRule): boolean {
  return canonical(item.toJSON()) === canonical(rule);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function policyText(name: string, rule: ProposedRule): string {
  const policy: Policy = {
    apiVersion: API_VERSION,
    kind: "Policy",
    metadata: { name },
    spec: { rules: [rule] },
  };
  return formatResources([policy]);
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

function cut(text: string, from: number, until: number): string {
  return text.slice(0, from) + text.slice(until);
}
