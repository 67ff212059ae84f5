import type { Flow } from "@ringwall/model";

/** A baseline: allow later what has the same key as something in the window. */
export type NaiveKey = {
  readonly name: string;
  readonly keyOf: (flow: Flow, roleOf: (workload: string | null | undefined) => string) => string;
};

/** The three keys that people write policies by when they do it by hand, over the roles that were found. */
export const naiveKeys: readonly NaiveKey[] = [
  {
    name: "exact host pairs",
    keyOf: ({ src, dst, proto, port }) =>
      `${src.workload ?? src.ip} ${dst.workload ?? dst.ip} ${proto} ${port}`,
  },
  {
    name: "role + port",
    keyOf: ({ src, dst, proto, port }, roleOf) =>
      `${roleOf(src.workload)} ${roleOf(dst.workload)} ${proto} ${port}`,
  },
  {
    name: "role + process + port",
    keyOf: ({ src, dst, proto, port }, roleOf) =>
      `${roleOf(src.workload)} ${src.script ?? src.exe} ${roleOf(dst.workload)} ${proto} ${port}`,
  },
];

export type NaiveScore = { readonly rules: number; readonly allows: (flow: Flow) => boolean };

/** Learns a key from the window, refused and timed-out records left out. */
export function learnNaive(
  key: NaiveKey,
  window: readonly Flow[],
  roles: ReadonlyMap<string, string>,
): NaiveScore {
  const roleOf = (workload: string | null | undefined): string =>
    workload == null ? "outside" : (roles.get(workload) ?? workload);
  const known = new Set(
    window.filter((flow) => flow.state === "established").map((flow) => key.keyOf(flow, roleOf)),
  );
  return { rules: known.size, allows: (flow) => known.has(key.keyOf(flow, roleOf)) };
}

/** Roles by the usual baseline: average-linkage clustering of neighbour sets by Jaccard similarity, cut where it agrees best. */
export function jaccardRoles(window: readonly Flow[], threshold: number): ReadonlyMap<string, string> {
  const neighbours = new Map<string, Set<string>>();
  const note = (workload: string | null | undefined, what: string): void => {
    if (workload == null) return;
    neighbours.set(workload, (neighbours.get(workload) ?? new Set<string>()).add(what));
  };
  for (const { src, dst, port, state } of window) {
    if (state !== "established") continue;
    note(src.workload, `to ${dst.workload ?? dst.ip} ${port}`);
    note(dst.workload, `from ${src.workload ?? "outside"} ${port}`);
  }
  let clusters = [...neighbours.keys()].sort().map((name) => [name]);
  const similarity = (a: string, b: string): number => {
    const [one, other] = [neighbours.get(a) ?? new Set<string>(), neighbours.get(b) ?? new Set<string>()];
    const shared = one.intersection(other).size;
    return shared / (one.size + other.size - shared || 1);
  };
  for (;;) {
    let best: readonly [number, number, number] | null = null;
    for (let i = 0; i < clusters.length; i++) {
      for (let j = i + 1; j < clusters.length; j++) {
        const [a, b] = [clusters[i] ?? [], clusters[j] ?? []];
        let sum = 0;
        for (const x of a) for (const y of b) sum += similarity(x, y);
        const average = sum / (a.length * b.length);
        if (average >= threshold && (best === null || average > best[2])) best = [i, j, average];
      }
    }
    if (best === null) break;
    const [i, j] = best;
    clusters = [
      ...clusters.filter((_, index) => index !== i && index !== j),
      [...(clusters[i] ?? []), ...(clusters[j] ?? [])],
    ];
  }
  return new Map(
    clusters.flatMap((members) => members.map((member) => [member, members[0] ?? member] as const)),
  );
}
