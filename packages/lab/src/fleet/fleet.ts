import type { Workload } from "@ringwall/model";
import type { AppGraph, AppService } from "./app-graph.ts";
import { type Catalogue, catalogue, type Program, productOf, script } from "./programs.ts";
import type { Random } from "./random.ts";

export type Host = {
  readonly name: string;
  readonly ip: string;
  /** The true service; infrastructure has names of its own. */
  readonly service: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly server: Program;
  readonly port: number;
  /** Day of the window on which it was put into service; 0 = before the window. */
  readonly fromDay: number;
};

export type PairKind =
  | "call"
  | "dns"
  | "ntp"
  | "monitoring"
  | "health"
  | "job"
  | "month-end"
  | "client"
  | "scan"
  | "foreign"
  | "lateral";

/** One (source, destination, program, port) that talks: the truth from which flows are drawn. */
export type Pair = {
  readonly kind: PairKind;
  /** Null = somebody outside. */
  readonly src: Host | null;
  readonly srcIp: string;
  readonly program: Program | null;
  /** Null = somewhere outside. */
  readonly dst: Host | null;
  readonly dstIp: string;
  readonly server: Program | null;
  readonly proto: "tcp" | "udp";
  readonly port: number;
};

export type Fleet = {
  readonly hosts: readonly Host[];
  readonly pairs: readonly Pair[];
  readonly catalogue: Catalogue;
};

export type FleetOptions = { readonly replicasMax: number; readonly windowDays: number };

/** Puts applications on hosts at random addresses, with the infrastructure that every fleet has, and says who truly talks. */
export function buildFleet(apps: readonly AppGraph[], rng: Random, options: FleetOptions): Fleet {
  const programs = catalogue(rng);
  const used = new Set<string>();
  const place = (service: string, app: string, server: Program, port: number, fromDay: number): Host => {
    const ip = freshAddress(rng, used);
    const labels = { app, role: service.replaceAll("_", "-"), env: "prod" };
    return { name: freshName(rng, used), ip, service: `${app}/${service}`, labels, server, port, fromDay };
  };
  const hosts: Host[] = [];
  const pairs: Pair[] = [];
  for (const app of apps) {
    const replicas = new Map<string, Host[]>();
    for (const service of app.services.filter((one) => isConnected(app, one))) {
      const size = rng.int(1, options.replicasMax);
      const late = rng.chance(0.15) && size > 2 ? 1 : 0;
      const own = Array.from({ length: size }, (_, n) => {
        const fromDay = n < size - late ? 0 : Math.floor(options.windowDays / 2);
        return place(service.name, app.name, programs.of(productOf(service)), service.port, fromDay);
      });
      replicas.set(service.name, own);
      hosts.push(...own);
    }
    pairs.push(
      ...callPairs(app, replicas),
      ...clientPairs(app, replicas, rng),
      ...jobPairs(app, replicas, place, hosts, programs, rng),
    );
  }
  pairs.push(...infrastructure(hosts, place, programs, rng));
  return { hosts, pairs, catalogue: programs };
}

type Place = (service: string, app: string, server: Program, port: number, fromDay: number) => Host;

function freshAddress(rng: Random, used: Set<string>): string {
  let ip = "";
  do ip = `10.${rng.int(0, 255)}.${rng.int(0, 255)}.${rng.int(1, 254)}`;
  while (used.has(ip));
  used.add(ip);
  return ip;
}

function freshName(rng: Random, used: Set<string>): string {
  let name = "";
  do name = `h-${rng.hex(6)}`;
  while (used.has(name));
  used.add(name);
  return name;
}

function isConnected(app: AppGraph, { name }: AppService): boolean {
  return app.entries.includes(name) || app.calls.some((call) => call.includes(name));
}

export function pairBetween(
  kind: PairKind,
  src: Host,
  program: Program,
  dst: Host,
  proto: "tcp" | "udp" = "tcp",
): Pair {
  return { kind, src, srcIp: src.ip, program, dst, dstIp: dst.ip, server: dst.server, proto, port: dst.port };
}

function callPairs(app: AppGraph, replicas: ReadonlyMap<string, readonly Host[]>): readonly Pair[] {
  return app.calls.flatMap(([from, to]) =>
    (replicas.get(from) ?? []).flatMap((src) =>
      (replicas.get(to) ?? []).map((dst) => pairBetween("call", src, src.server, dst)),
    ),
  );
}

function clientPairs(
  app: AppGraph,
  replicas: ReadonlyMap<string, readonly Host[]>,
  rng: Random,
): readonly Pair[] {
  return app.entries.flatMap((entry) =>
    (replicas.get(entry) ?? []).flatMap((dst) =>
      Array.from({ length: 6 }, () => {
        const srcIp = `${rng.pick([81, 92, 109, 151])}.${rng.int(1, 254)}.${rng.int(1, 254)}.${rng.int(1, 254)}`;
        const ends = { src: null, srcIp, program: null, dst, dstIp: dst.ip, server: dst.server };
        return { kind: "client" as const, ...ends, proto: "tcp" as const, port: dst.port };
      }),
    ),
  );
}

/** Rare jobs of a host of their own: a backup of each data store every few days, and a report at the turn of the month. */
function jobPairs(
  app: AppGraph,
  replicas: ReadonlyMap<string, readonly Host[]>,
  place: Place,
  hosts: Host[],
  programs: Catalogue,
  rng: Random,
): readonly Pair[] {
  const stores = app.services.filter(({ product }) => /postgres|mongo|mysql|redis/.test(product));
  if (stores.length === 0) return [];
  const host = place("backup", app.name, programs.of("exporter"), 9100, 0);
  hosts.push(host);
  const job = script(programs.of("python"), `/opt/backup/${rng.pick(["dump", "backup", "archive"])}.py`, rng);
  const report = script(programs.of("python"), "/opt/report/month-end.py", rng);
  return stores.flatMap((store) =>
    (replicas.get(store.name) ?? []).flatMap((dst) => [
      pairBetween("job", host, job, dst),
      pairBetween("month-end", host, report, dst),
    ]),
  );
}

function infrastructure(hosts: Host[], place: Place, programs: Catalogue, rng: Random): readonly Pair[] {
  const many = (service: string, product: string, port: number, size: number): readonly Host[] =>
    Array.from({ length: size }, () => place(service, "infra", programs.of(product), port, 0));
  const served = [...hosts];
  const dns = many("dns", "unbound", 53, 2);
  const ntp = many("ntp", "chrony", 123, 2);
  const monitoring = many("monitoring", "prometheus", 9090, 1);
  const balancer = many("health", "haproxy", 8404, rng.int(1, 2));
  hosts.push(...dns, ...ntp, ...monitoring, ...balancer);
  const resolver = programs.of("resolver");
  const exporter = programs.of("exporter");
  const pairs: Pair[] = [];
  for (const src of hosts) {
    for (const dst of dns) if (src !== dst) pairs.push(pairBetween("dns", src, resolver, dst, "udp"));
    for (const dst of ntp)
      if (src !== dst) pairs.push(pairBetween("ntp", src, programs.of("chrony"), dst, "udp"));
    for (const from of monitoring) {
      const scraped = { ...src, server: exporter, port: 9100 };
      if (src !== from) pairs.push({ ...pairBetween("monitoring", from, from.server, scraped), dst: src });
    }
  }
  for (const dst of served) {
    if (dst.service.endsWith("/backup")) continue;
    for (const from of balancer) pairs.push(pairBetween("health", from, from.server, dst));
  }
  return pairs;
}

export function workloadOf(host: Host, withLabels: boolean): Workload {
  return {
    apiVersion: "ringwall.dev/v1",
    kind: "Workload",
    metadata: { name: host.name, ...(withLabels ? { labels: { ...host.labels } } : {}) },
    spec: { addresses: [host.ip], management: "agent" },
  };
}
