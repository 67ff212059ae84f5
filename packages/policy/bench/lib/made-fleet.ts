import { API_VERSION, type Policy, type Segment, type Workload } from "@ringwall/model";

/** A generator of its own (mulberry32), so that every run and machine has the same fleet. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Applications of five roles in three environments and four places; enough applications for so many segments. */
export function madeFleet(workloads: number, segments: number) {
  const apps = Math.max(1, Math.ceil(segments / 15));
  const roles = ["web", "app", "db", "cache", "queue"];
  const envs = ["prod", "test", "dev"];
  const places = ["fra", "ams", "lon", "par"];
  const labelsOf = (i: number) => ({
    app: `app-${i % apps}`,
    role: roles[Math.floor(i / apps) % roles.length] ?? "",
    env: envs[Math.floor(i / (apps * roles.length)) % envs.length] ?? "",
    loc: places[i % places.length] ?? "",
  });
  const fleet = Array.from(
    { length: workloads },
    (_, i): Workload => ({
      apiVersion: API_VERSION,
      kind: "Workload",
      metadata: { name: `w${i}`, labels: labelsOf(i) },
      spec: { addresses: [`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`] },
    }),
  );
  const groups = Array.from({ length: segments }, (_, s): Segment => {
    const { app, role, env } = labelsOf(s);
    return {
      apiVersion: API_VERSION,
      kind: "Segment",
      metadata: { name: `s${s}` },
      spec: { workloads: { app, role, env }, modes: { inbound: "block", outbound: "block" } },
    };
  });
  return { workloads: fleet, segments: groups };
}

/** Allows from segment to segment on one port each. */
export function madePolicy(rules: number, segments: number, random: () => number): Policy {
  const at = (n: number) => Math.floor(random() * n);
  return {
    apiVersion: API_VERSION,
    kind: "Policy",
    metadata: { name: "p" },
    spec: {
      rules: Array.from({ length: rules }, (_, i) => ({
        name: `r${i}`,
        allow: {
          from: { segment: `s${at(segments)}` },
          to: { segment: `s${at(segments)}` },
          ports: [`tcp/${1000 + at(200)}`],
        },
      })),
    },
  };
}
