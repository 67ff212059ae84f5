import { ago, managedWorkload, softwareOf } from "./edge-list.ts";
import { nothing } from "./one-host.ts";
import type { MapEdge, MockState, SegmentView, WorkloadView } from "./types.ts";

const OBSERVE = { inbound: "observe", outbound: "observe", processes: "observe" } as const;
const ALERT = { inbound: "alert", outbound: "alert", processes: "observe" } as const;
const BLOCK = { inbound: "block", outbound: "block", processes: "alert" } as const;
const MODES = [OBSERVE, ALERT, BLOCK] as const;

const TIERS = [
  { role: "web", software: "nginx", port: 443 },
  { role: "app", software: "api", port: 8080 },
  { role: "cache", software: "redis-server", port: 6379 },
  { role: "db", software: "postgres", port: 5432 },
] as const;

/** Applications in four tiers over `size` workloads; the same for the same seed. */
export function fleet(size: number, now: number, seed = 1): MockState {
  const random = randomFrom(seed);
  const perApp = Math.max(TIERS.length, Math.round(Math.sqrt(size) / 2) * TIERS.length);
  const apps = Math.max(1, Math.round(size / perApp));
  const members = membersOf(size, apps);
  const edges: MapEdge[] = [];
  for (let app = 0; app < apps; app += 1) {
    TIERS.forEach((tier, index) => {
      const next = TIERS[index + 1];
      for (const source of members.get(`${app}/${tier.role}`) ?? []) {
        if (index === 0) edges.push(edge("internet", null, source, tier.software, tier.port, random, now));
        if (next === undefined) continue;
        const targets = members.get(`${app}/${next.role}`) ?? [];
        for (const target of sample(targets, 3, random)) {
          edges.push(edge(source, tier.software, target, next.software, next.port, random, now));
        }
        if (random() < 0.15) edges.push(edge(source, "chronyd", "10.0.0.0/16", null, 123, random, now));
      }
    });
  }
  const segments = segmentsOf(members);
  const base = nothing(now);
  return {
    ...base,
    status: {
      ...base.status,
      revision: 3,
      agents: { connected: size - 2, enrolled: size, behind: 1, awaited: 0 },
      flows: { stored: edges.length * 40, lost: 12 },
    },
    workloads: workloadsOf(members, now),
    software: softwareOf(edges, {}, new Set(["nginx", "api", "postgres"]), now),
    segments,
    addresses: ["internet", "10.0.0.0/16"],
    edges,
  };
}

function membersOf(size: number, apps: number): Map<string, string[]> {
  const members = new Map<string, string[]>();
  for (let index = 0; index < size; index += 1) {
    const tier = TIERS[Math.floor(index / apps) % TIERS.length] ?? TIERS[0];
    const key = `${index % apps}/${tier.role}`;
    const list = members.get(key) ?? [];
    list.push(`app${index % apps}-${tier.role}-${list.length + 1}`);
    members.set(key, list);
  }
  return members;
}

function edge(
  source: string,
  sourceSoftware: string | null,
  destination: string,
  destinationSoftware: string | null,
  port: number,
  random: () => number,
  now: number,
): MapEdge {
  const roll = random();
  const outcome = roll < 0.992 ? "allowed" : roll < 0.998 ? "would-block" : "blocked";
  const count = 1 + Math.floor(random() * 5_000);
  return {
    source,
    sourceSoftware,
    destination,
    destinationSoftware,
    proto: "tcp",
    port,
    count,
    bytesOut: count * 300,
    bytesIn: outcome === "blocked" ? 0 : count * 2_400,
    outcome,
    verification: "attested",
    rule: outcome === "allowed" ? `app/${destinationSoftware ?? "time"}` : "default",
    lastSeen: ago(now, Math.floor(random() * 3_000)),
  };
}

function segmentName(key: string): string {
  const [app, role] = key.split("/");
  return `app${app}-${role}`;
}

function modesOf(key: string): (typeof MODES)[number] {
  return MODES[Number(key.split("/")[0]) % MODES.length] ?? OBSERVE;
}

function segmentsOf(members: ReadonlyMap<string, readonly string[]>): SegmentView[] {
  return [...members].map(([key, workloads]) => ({
    name: segmentName(key),
    workloads: [...workloads],
    modes: modesOf(key),
    wouldBlock: workloads.length * 3,
    blocked: 0,
  }));
}

function workloadsOf(members: ReadonlyMap<string, readonly string[]>, now: number): WorkloadView[] {
  return [...members].flatMap(([key, names]) =>
    names.map((name, index) =>
      managedWorkload(
        name,
        `10.${Number(key.split("/")[0]) % 250}.${index >> 8}.${index & 255}`,
        { app: `app${key.split("/")[0]}`, role: key.split("/")[1] ?? "" },
        segmentName(key),
        modesOf(key),
        now,
      ),
    ),
  );
}

function sample<T>(items: readonly T[], count: number, random: () => number): T[] {
  const chosen = new Set<T>();
  for (let index = 0; index < count; index += 1) {
    const item = items[Math.floor(random() * items.length)];
    if (item !== undefined) chosen.add(item);
  }
  return [...chosen];
}

/** mulberry32: small, seeded, good enough for pictures. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}
