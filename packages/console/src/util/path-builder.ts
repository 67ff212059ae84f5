import type { Outcome, ReviewState } from "../api/types.ts";

export const SINCE_CHOICES = ["15m", "1h", "24h", "7d"] as const;
export type Since = (typeof SINCE_CHOICES)[number];
export const SINCE_DEFAULT: Since = "24h";

export const OUTCOMES = ["allowed", "would-block", "blocked"] as const satisfies readonly Outcome[];
export const MAP_VIEWS = ["diagram", "overview", "table"] as const;
export type MapViewKind = (typeof MAP_VIEWS)[number];
export const GROUPINGS = ["workload", "segment"] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** What the address bar says about the map. Absent = the default, so that links stay short. */
export type MapSearch = {
  readonly since?: Since | undefined;
  /** Comma-separated; absent = all three. */
  readonly outcome?: string | undefined;
  readonly segment?: string | undefined;
  readonly q?: string | undefined;
  readonly view?: MapViewKind | undefined;
  readonly group?: Grouping | undefined;
  /** Id of the selected card, row or link. */
  readonly sel?: string | undefined;
};

export type FlowsSearch = {
  readonly since?: Since | undefined;
  readonly workload?: string | undefined;
  readonly verdict?: Outcome | undefined;
  readonly q?: string | undefined;
};

export const REVIEW_VIEWS = ["rules", "rejections", "set-aside"] as const;
export type ReviewViewKind = (typeof REVIEW_VIEWS)[number];
export const REVIEW_STATES = ["open", "accepted", "rejected"] as const satisfies readonly ReviewState[];

export type ReviewSearch = {
  readonly view?: ReviewViewKind | undefined;
  /** Absent = rules of every state. */
  readonly state?: ReviewState | undefined;
  readonly q?: string | undefined;
  /** Id of the rule that is looked at. */
  readonly rule?: string | undefined;
};

/** Search text of the pages that are one list. */
export type ListSearch = { readonly q?: string | undefined };

export type WorkloadsSearch = ListSearch & {
  /** Name of the workload that is looked at. */
  readonly sel?: string | undefined;
};

/** Every address of the console in one place; pages link through this and nothing else. */
export const pb = {
  map: (search: MapSearch = {}) => ({ to: "/", search }) as const,
  segments: () => ({ to: "/segments", search: {} }) as const,
  workloads: (search: WorkloadsSearch = {}) => ({ to: "/workloads", search }) as const,
  software: (search: ListSearch = {}) => ({ to: "/software", search }) as const,
  flows: (search: FlowsSearch = {}) => ({ to: "/flows", search }) as const,
  review: (search: ReviewSearch = {}) => ({ to: "/review", search }) as const,
  policies: () => ({ to: "/policies", search: {} }) as const,
  alerts: () => ({ to: "/alerts", search: {} }) as const,
  revisions: () => ({ to: "/revisions", search: {} }) as const,
} as const;

type Raw = Readonly<Record<string, unknown>>;

export function parseMapSearch(raw: Raw): MapSearch {
  return {
    since: oneOf(SINCE_CHOICES, raw["since"]),
    outcome: formatOutcomes(parseOutcomes(text(raw["outcome"]))),
    segment: text(raw["segment"]),
    q: text(raw["q"]),
    view: oneOf(MAP_VIEWS, raw["view"]),
    group: oneOf(GROUPINGS, raw["group"]),
    sel: text(raw["sel"]),
  };
}

export function parseFlowsSearch(raw: Raw): FlowsSearch {
  return {
    since: oneOf(SINCE_CHOICES, raw["since"]),
    workload: text(raw["workload"]),
    verdict: oneOf(OUTCOMES, raw["verdict"]),
    q: text(raw["q"]),
  };
}

export function parseReviewSearch(raw: Raw): ReviewSearch {
  return {
    view: oneOf(REVIEW_VIEWS, raw["view"]),
    state: oneOf(REVIEW_STATES, raw["state"]),
    q: text(raw["q"]),
    rule: text(raw["rule"]),
  };
}

export function parseListSearch(raw: Raw): ListSearch {
  return { q: text(raw["q"]) };
}

export function parseWorkloadsSearch(raw: Raw): WorkloadsSearch {
  return { q: text(raw["q"]), sel: text(raw["sel"]) };
}

/** All three where nothing sensible is asked for. */
export function parseOutcomes(value: string | undefined): readonly Outcome[] {
  const wanted = new Set(value?.split(",") ?? []);
  const known = OUTCOMES.filter((outcome) => wanted.has(outcome));
  return known.length === 0 ? OUTCOMES : known;
}

export function formatOutcomes(outcomes: readonly Outcome[]): string | undefined {
  return outcomes.length === OUTCOMES.length || outcomes.length === 0 ? undefined : outcomes.join(",");
}

/** `?a=b&c=d` with plain text values: what people read and type. */
export function parseSearchText(search: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(search));
}

export function formatSearchText(search: Raw): string {
  const pairs = Object.entries(search).flatMap(([key, value]) =>
    value === undefined || value === null || value === "" ? [] : [[key, String(value)]],
  );
  const formatted = new URLSearchParams(pairs).toString();
  return formatted === "" ? "" : `?${formatted}`;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function oneOf<T extends string>(choices: readonly T[], value: unknown): T | undefined {
  return choices.find((choice) => choice === value);
}
