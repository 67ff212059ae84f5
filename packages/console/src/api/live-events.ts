import type { QueryClient } from "@tanstack/react-query";

export type LiveState = "connecting" | "live" | "lost";

/** Events come in bursts: what follows the first one this closely is fetched together. */
const BURST_MS = 300;
/** Rest between two fetches of the same data, at least … */
const REST_MS_MIN = 1_500;
/** … for a large fleet, whose map takes long to fetch, as many times as long as the fetch took … */
const REST_SHARE = 3;
/** … and at most, as what is new is to be shown within seconds. */
const REST_MS_MAX = 8_000;

/** Which queries an event makes old. */
const AFFECTED: Readonly<Record<string, readonly string[]>> = {
  status: ["status", "workloads", "segments", "policies", "revisions", "map", "proposal", "rejections"],
  flows: ["map", "flows", "segments", "software", "policies", "workloads", "status"],
  alert: ["alerts", "segments", "paths"],
};

/** Follows the controller's events until the returned function is called. */
export function followEvents(queries: QueryClient, report: (state: LiveState) => void): () => void {
  const source = new EventSource("/api/v1/events");
  const due = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let closed = false;
  let notBefore = 0;
  const flush = async () => {
    const started = performance.now();
    const keys = [...due];
    due.clear();
    await Promise.all(keys.map((key) => queries.invalidateQueries({ queryKey: [key] })));
    const ended = performance.now();
    notBefore = ended + Math.min(REST_MS_MAX, Math.max(REST_MS_MIN, (ended - started) * REST_SHARE));
    timer = null;
    if (due.size > 0) schedule();
  };
  const schedule = () => {
    const wait = Math.max(BURST_MS, notBefore - performance.now());
    if (!closed) timer ??= setTimeout(() => void flush(), wait);
  };
  const note = (kind: string) => {
    for (const key of AFFECTED[kind] ?? []) due.add(key);
    schedule();
  };
  for (const kind of Object.keys(AFFECTED)) source.addEventListener(kind, () => note(kind));
  source.addEventListener("open", () => {
    report("live");
    // What happened while nobody listened is unknown: since the page's first answers, or since the stream was lost.
    for (const kind of Object.keys(AFFECTED)) note(kind);
  });
  source.addEventListener("error", () => report("lost"));
  return () => {
    closed = true;
    source.close();
    if (timer !== null) clearTimeout(timer);
  };
}
