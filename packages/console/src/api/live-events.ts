import type { QueryClient } from "@tanstack/react-query";

export type LiveState = "connecting" | "live" | "lost";

/** Events come in bursts; each kind of data is fetched again at most once in this many milliseconds. */
const REFETCH_INTERVAL_MS = 1_500;

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
  let lost = false;
  const flush = () => {
    timer = null;
    for (const key of due) void queries.invalidateQueries({ queryKey: [key] });
    due.clear();
  };
  const note = (kind: string) => {
    for (const key of AFFECTED[kind] ?? []) due.add(key);
    timer ??= setTimeout(flush, REFETCH_INTERVAL_MS);
  };
  for (const kind of Object.keys(AFFECTED)) source.addEventListener(kind, () => note(kind));
  source.addEventListener("open", () => {
    report("live");
    // What happened while nobody listened is unknown, so everything is fetched again.
    if (lost) void queries.invalidateQueries();
    lost = false;
  });
  source.addEventListener("error", () => {
    lost = true;
    report("lost");
  });
  return () => {
    source.close();
    if (timer !== null) clearTimeout(timer);
  };
}
