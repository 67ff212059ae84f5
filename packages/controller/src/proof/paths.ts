/** One agent's counts about one peer since its last report. */
export type PathCounts = {
  readonly peer: string;
  /** Proofs sent to the peer. */
  readonly sent: number;
  /** Right proofs of the peer. */
  readonly proved: number;
  /** First packets of the peer without one. */
  readonly missing: number;
  /** Wrong proofs of the peer. */
  readonly wrong: number;
};

/** The way proofs take from one host to another. Times in milliseconds since 1970. */
export type Path = {
  readonly source: string;
  readonly destination: string;
  readonly state: "expected" | "stripped";
  /** When the state began; null for a path that was never stripped. */
  readonly sinceMs: number | null;
  readonly lastMs: number;
  /** Since the controller started. */
  readonly totals: { sent: number; proved: number; missing: number; wrong: number };
};

/** Reports of the two ends belong together when they come within two of these. */
export const PATH_WINDOW_MS = 30_000;
/**
 * The source's report of what it sent may come this much later than the destination's of what arrived: until then after a
 * right proof, nothing that is reported says that proofs do not arrive.
 */
export const REPORT_LAG_MS = 2_000;
/** Pairs of hosts that are watched; the one silent for longest makes room, unless it is stripped. */
export const PATHS_WATCHED_MAX = 200_000;

export type Paths = {
  /** Takes an agent's report; the paths whose state it changed. */
  report(reporter: string, counts: PathCounts, nowMs: number): readonly Path[];
  isStripped(source: string, destination: string): boolean;
  /** Stripped ones first, then the newest. */
  all(): readonly Path[];
  /** A host that is gone, or enrolled anew, leaves nothing behind. */
  forget(workload: string): void;
};

/**
 * What is known of each path, by both ends. A path is `stripped` where since the last right proof its source sent proofs, and its
 * destination got packets without one, no more than those: so a program outside the agent's reach, which sends none, can't make
 * its host's path look stripped while proofs arrive. One right proof ends it.
 */
export function createPaths(
  stripped: readonly Pick<Path, "source" | "destination" | "sinceMs">[] = [],
  watchedMax = PATHS_WATCHED_MAX,
): Paths {
  const watched = new Map<string, Watched>();
  for (const { source, destination, sinceMs } of stripped) {
    const path = fresh(source, destination, sinceMs ?? 0);
    watched.set(keyOf(source, destination), { ...path, state: "stripped", sinceMs });
  }
  const watch = (source: string, destination: string, nowMs: number): Watched => {
    const key = keyOf(source, destination);
    const found = watched.get(key) ?? fresh(source, destination, nowMs);
    // To the end of the map, which so begins with the one silent for longest.
    watched.delete(key);
    watched.set(key, found);
    if (watched.size > watchedMax) makeRoom(watched);
    found.lastMs = nowMs;
    turn(found, nowMs);
    return found;
  };
  return {
    report(reporter, { peer, sent, proved, missing, wrong }, nowMs) {
      const out = watch(reporter, peer, nowMs);
      if (isLongAfterProof(out, nowMs)) out.sent[1] += sent;
      out.totals.sent += sent;
      const back = watch(peer, reporter, nowMs);
      if (proved > 0) {
        back.provedMs = nowMs;
        back.sent = [0, 0];
        back.missing = [0, 0];
      } else if (isLongAfterProof(back, nowMs)) back.missing[1] += missing;
      back.totals.proved += proved;
      back.totals.missing += missing;
      back.totals.wrong += wrong;
      if (proved + missing > 0) back.lastHadProof = proved > 0;
      return [out, back].filter((path) => settle(path, nowMs)).map(copyOf);
    },
    isStripped: (source, destination) => watched.get(keyOf(source, destination))?.state === "stripped",
    all() {
      const rank = (path: Watched) => (path.state === "stripped" ? 0 : 1);
      return [...watched.values()].sort((a, b) => rank(a) - rank(b) || b.lastMs - a.lastMs).map(copyOf);
    },
    forget(workload) {
      for (const [key, path] of watched) {
        if (path.source === workload || path.destination === workload) watched.delete(key);
      }
    },
  };
}

/** Of the former window and of this one. */
type Windowed = [former: number, current: number];
type Watched = {
  readonly source: string;
  readonly destination: string;
  state: Path["state"];
  sinceMs: number | null;
  lastMs: number;
  readonly totals: Path["totals"];
  window: number;
  /** Since the last proof arrived, as is `missing`. */
  sent: Windowed;
  missing: Windowed;
  /** When the destination last reported a right proof. */
  provedMs: number;
  /** Whether the destination's last report about the source had a right proof. */
  lastHadProof: boolean;
};

function fresh(source: string, destination: string, nowMs: number): Watched {
  return {
    source,
    destination,
    state: "expected",
    sinceMs: null,
    lastMs: nowMs,
    totals: { sent: 0, proved: 0, missing: 0, wrong: 0 },
    window: 0,
    sent: [0, 0],
    missing: [0, 0],
    provedMs: Number.NEGATIVE_INFINITY,
    lastHadProof: false,
  };
}

/** Lets what is older than two windows go. */
function turn(path: Watched, nowMs: number): void {
  const window = Math.floor(nowMs / PATH_WINDOW_MS);
  const passed = window - path.window;
  if (passed === 0) return;
  const turned = ([, current]: Windowed): Windowed => [passed === 1 ? current : 0, 0];
  path.sent = turned(path.sent);
  path.missing = turned(path.missing);
  path.window = window;
}

function isLongAfterProof({ provedMs }: Watched, nowMs: number): boolean {
  return nowMs - provedMs >= REPORT_LAG_MS;
}

/** Draws the conclusion; whether the state is another one now. */
function settle(path: Watched, nowMs: number): boolean {
  const [sent, missing] = [path.sent, path.missing].map(([a, b]) => a + b) as [number, number];
  const stripped =
    path.state === "stripped" ? !path.lastHadProof : !path.lastHadProof && missing > 0 && missing <= sent;
  const state = stripped ? "stripped" : "expected";
  if (state === path.state) return false;
  path.state = state;
  path.sinceMs = nowMs;
  return true;
}

function makeRoom(watched: Map<string, Watched>): void {
  for (const [key, path] of watched) {
    if (path.state === "stripped") continue;
    watched.delete(key);
    return;
  }
}

function copyOf({ source, destination, state, sinceMs, lastMs, totals }: Watched): Path {
  return { source, destination, state, sinceMs, lastMs, totals: { ...totals } };
}

/** Names hold no space. */
function keyOf(source: string, destination: string): string {
  return `${source} ${destination}`;
}
