import type { DestinationEndpoint, Rule, SourceEndpoint } from "@ringwall/model";
import { CIDRS_OF_CLASS } from "../knowledge/addresses.ts";
import type { SoftwareGroup } from "../software/software-group.ts";
import type { RuleDraft } from "./merge.ts";
import type { Zone } from "./zone.ts";

export type Vocabulary = {
  readonly segments: readonly string[];
  readonly software: readonly SoftwareGroup[];
};

/** A rule as a person would write it. */
export function writeRule(draft: RuleDraft, vocabulary: Vocabulary): Rule {
  const from = {
    ...(draft.everybody ? { labels: {} } : source(draft.from, vocabulary)),
    ...programs(draft.fromSoftware, vocabulary),
  };
  const to = { ...destination(draft, vocabulary), ...programs(draft.toSoftware, vocabulary) };
  const ports =
    draft.ports.length > 0 && draft.ports.every((port) => port.includes("/") || port === "icmp")
      ? { ports: [...draft.ports].sort(byPort) }
      : {};
  return {
    name: ruleName(draft, vocabulary),
    allow: { from, to, ...ports, ...(draft.at === "both" ? {} : { at: draft.at }) },
  };
}

function byPort(a: string, b: string): number {
  const number = (port: string): number => Number.parseInt(port.split("/")[1] ?? "0", 10);
  return number(a) - number(b) || (a < b ? -1 : 1);
}

function source(zones: readonly Zone[], vocabulary: Vocabulary): SourceEndpoint {
  const { segments, cidrs, hasInternet } = split(zones, vocabulary);
  if (hasInternet) return { internet: true };
  if (segments.length > 0) return { segment: oneOrMore(segments) };
  return cidrs.length > 0 ? { cidr: oneOrMore(cidrs) } : {};
}

function destination(draft: RuleDraft, vocabulary: Vocabulary): DestinationEndpoint {
  if (draft.everywhere) return { labels: {} };
  const { names, cidrs } = split(draft.to, vocabulary);
  if (names.length > 0) return { fqdn: oneOrMore(names) };
  if (draft.to.some((zone) => zone.kind === "loopback")) return { cidr: oneOrMore(cidrs) };
  return source(draft.to, vocabulary);
}

type Split = { segments: string[]; cidrs: string[]; names: string[]; hasInternet: boolean };

function split(zones: readonly Zone[], { segments }: Vocabulary): Split {
  const result: Split = { segments: [], cidrs: [], names: [], hasInternet: false };
  for (const zone of zones) {
    switch (zone.kind) {
      case "segment":
        result.segments.push(segments[zone.number] ?? "");
        break;
      case "cidr":
        result.cidrs.push(zone.block);
        break;
      case "special":
        result.cidrs.push(...CIDRS_OF_CLASS[zone.class]);
        break;
      case "loopback":
        result.cidrs.push(...CIDRS_OF_CLASS.loopback);
        break;
      case "fqdn":
        result.names.push(zone.name);
        break;
      case "internet":
        result.hasInternet = true;
        break;
    }
  }
  result.segments.sort();
  return result;
}

function programs(ids: readonly number[], { software }: Vocabulary): { software?: string | string[] } {
  if (ids.includes(-1)) return {};
  return { software: oneOrMore(ids.map((id) => software[id]?.name ?? "").sort()) };
}

function oneOrMore(values: readonly string[]): string | string[] {
  const [first] = values;
  return values.length === 1 && first !== undefined ? first : [...values];
}

/** In words: who reaches what, where. */
export function ruleName(draft: RuleDraft, vocabulary: Vocabulary): string {
  const from = draft.everybody ? "every workload" : placeWords(draft.from, vocabulary);
  const program = programWords(draft.fromSoftware, vocabulary);
  const target = programWords(draft.toSoftware, vocabulary);
  if (draft.inside)
    return draft.at === "destination"
      ? `inside ${from}: ${target ?? "anything"} may be called`
      : `inside ${from}: ${program ?? "anything"} may call`;
  const to = draft.everywhere ? "every workload" : placeWords(draft.to, vocabulary);
  const who = program === null || program === from ? from : `${program} on ${from}`;
  const what = target === null || target === to ? to : `${target} on ${to}`;
  const isOne = draft.fromSoftware.length === 1 && (draft.everybody === true || draft.from.length === 1);
  return `${who} ${isOne ? "reaches" : "reach"} ${what}`;
}

function placeWords(zones: readonly Zone[], vocabulary: Vocabulary): string {
  const { segments, cidrs, names, hasInternet } = split(zones, vocabulary);
  const special = zones.flatMap((zone) => (zone.kind === "special" ? [zone.class] : []));
  const words = [
    ...segments,
    ...(special.length > 0 ? special : cidrs),
    ...names,
    ...(hasInternet ? ["the internet"] : []),
  ];
  return listWords(words);
}

function programWords(ids: readonly number[], { software }: Vocabulary): string | null {
  if (ids.includes(-1)) return null;
  return listWords(ids.map((id) => software[id]?.name ?? "").sort());
}

const LISTED_MAX = 3;

function listWords(words: readonly string[]): string {
  if (words.length <= 1) return words[0] ?? "";
  if (words.length > LISTED_MAX)
    return `${words.slice(0, LISTED_MAX - 1).join(", ")} and ${words.length - LISTED_MAX + 1} more`;
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
