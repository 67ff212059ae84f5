import type { QueryClient } from "@tanstack/react-query";

export type LiveState = "connecting" | "live" | "lost";

/** Events come in bursts; data is fetched again at most once in this many milliseconds. */
const REFETCH_INTERVAL_MS = 1_500;
/** A large fleet's map takes long to fetch: fetching again takes at most a part of the time, one in this many … */
const REFETCH_SHARE = 3;
/** … and yet what is new is shown within seconds. */
const REFETCH_INTERVAL_MS_MAX = 8_000;

/** Which queries an event makes old. */
const AFFECTED: Readonly<Record<string, readonly string[]>> = {
  status: ["status", "workloads", "segments", "policies", "revisions", "map"],
  flows: ["map", "flows", "segments", "software", "policies", "workloads", "status"],
  alert: ["alerts", "segments"],
};

/** Follows the controller's events until the returned function is called. */
export function followEvents(queries: QueryClient, report: (state: LiveState) => void): () => void {
  const source = new EventSource("/api/v1/events");
  const due = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let closed = false;
  let wait = REFETCH_INTERVAL_MS;
  const flush = async () => {
    const started = performance.now();
    const keys = [...due];
    due.clear();
    await Promise.all(keys.map((key) => queries.invalidateQueries({ queryKey: [key] })));
    const paced = (performance.now() - started) * REFETCH_SHARE;
    wait = Math.min(REFETCH_INTERVAL_MS_MAX, Math.max(REFETCH_INTERVAL_MS, paced));
    timer = null;
    if (due.size > 0) schedule();
  };
  const schedule = () => {
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
