import type { Flow } from "@ringwall/model";
import { attackPairs } from "./attacks.ts";
import type { Fleet, Host, Pair } from "./fleet.ts";
import type { Program } from "./programs.ts";
import type { Random } from "./random.ts";

const DAY_MS = 86_400_000;
/** The first day of the window: a Monday. */
const START_MS = Date.UTC(2026, 10, 2);

export type TrafficOptions = {
  readonly windowDays: number;
  readonly laterDays: number;
  /** Share of true pairs that the window shows. */
  readonly share: number;
  readonly attackShare: number;
  /** Intruders who come back every day, as the applications do. */
  readonly isPatient?: boolean;
};

/** A pair with the flows of a period; `isAttack` is for the judge only. */
export type LaterEdge = {
  readonly pair: Pair;
  readonly flow: Flow;
  readonly isAttack: boolean;
  readonly wasSeen: boolean;
};

export type Traffic = { readonly window: readonly Flow[]; readonly later: readonly LaterEdge[] };

/** Draws what the window shows, and one flow per edge of the time after it. */
export function drawTraffic(fleet: Fleet, rng: Random, options: TrafficOptions): Traffic {
  const window: Flow[] = [];
  const later: LaterEdge[] = [];
  const upgrades = upgradePlan(fleet, rng, options);
  const at = (day: number, hours: number): number => START_MS + Math.floor((day + hours / 24) * DAY_MS);
  for (const pair of fleet.pairs) {
    const fromDay = Math.max(pair.src?.fromDay ?? 0, pair.dst?.fromDay ?? 0);
    const every = pair.kind === "job" ? 3 : 1;
    const isOn = (day: number): boolean =>
      pair.kind !== "month-end" || new Date(at(day, 12)).getUTCDate() === 1;
    const wasSeen = rng.chance(options.share);
    const activity = 0.5 + rng.next() / 2;
    for (let day = fromDay; day < options.windowDays && wasSeen; day += every) {
      if (pair.kind === "month-end" ? !isOn(day) : day > fromDay && !rng.chance(activity)) continue;
      window.push(flowOf(pair, at(day, 24 * rng.next()), rng.int(1, 400), upgrades(day)));
    }
    const days = Array.from({ length: options.laterDays }, (_, day) => options.windowDays + day).filter(isOn);
    if (days.length === 0) continue;
    const flow = flowOf(pair, at(rng.pick(days), 24 * rng.next()), 5, upgrades(Infinity));
    later.push({ pair, flow, isAttack: false, wasSeen });
  }
  for (const pair of attackPairs(fleet, options.attackShare, rng)) {
    const days =
      options.isPatient === true ? Array.from({ length: options.windowDays }, (_, day) => day) : [];
    for (const day of days)
      if (rng.chance(0.7)) window.push(flowOf(pair, at(day, 24 * rng.next()), rng.int(1, 400), upgrades(0)));
    window.push(flowOf(pair, at(options.windowDays * rng.next(), 0), rng.int(1, 4), upgrades(0)));
    const flow = flowOf(
      pair,
      at(options.windowDays + options.laterDays * rng.next(), 0),
      1,
      upgrades(Infinity),
    );
    later.push({ pair, flow, isAttack: true, wasSeen: true });
  }
  window.push(...scannerNoise(fleet, rng, at(options.windowDays * rng.next(), 0)));
  return { window: rng.shuffled(window), later };
}

/** Half-way through, one packaged program of the fleet is upgraded everywhere: other content, same package. */
function upgradePlan(
  { hosts, catalogue }: Fleet,
  rng: Random,
  { windowDays }: TrafficOptions,
): (day: number) => (program: Program) => Program {
  const packaged = hosts.map((host) => host.server).filter((program) => program.package != null);
  const old = packaged.length === 0 ? null : rng.pick(packaged);
  const next = old === null ? null : catalogue.upgraded(old);
  const day = Math.floor(windowDays * (0.3 + rng.next() * 0.4));
  return (today) => (program) => (next !== null && program === old && today >= day ? next : program);
}

function flowOf(pair: Pair, ms: number, count: number, current: (program: Program) => Program): Flow {
  return {
    time: new Date(ms).toISOString(),
    count,
    reporter: pair.src === null ? "destination" : pair.dst === null ? "source" : "joined",
    proto: pair.proto,
    port: pair.port,
    state: "established",
    src: {
      ...(pair.src === null ? {} : { workload: pair.src.name }),
      ip: pair.srcIp,
      ...(pair.program === null ? {} : current(pair.program)),
    },
    dst: {
      ...(pair.dst === null ? {} : { workload: pair.dst.name }),
      ip: pair.dstIp,
      ...(pair.server === null ? {} : current(pair.server)),
    },
    bytesOut: count * 500,
    bytesIn: count * 4000,
  };
}

/** Somebody without an agent tries a handful of ports everywhere. */
function scannerNoise({ hosts }: Fleet, rng: Random, ms: number): readonly Flow[] {
  const ip = `10.255.${rng.int(0, 255)}.${rng.int(1, 254)}`;
  const targets: readonly Host[] = rng.shuffled(hosts).slice(0, 40);
  return targets.flatMap((dst) =>
    [22, 80, 443, 3389, 8080, dst.port].map((port) => ({
      time: new Date(ms).toISOString(),
      count: 1,
      reporter: "destination" as const,
      proto: "tcp" as const,
      port,
      state: port === dst.port ? ("established" as const) : ("refused" as const),
      src: { ip },
      dst: { workload: dst.name, ip: dst.ip, ...(port === dst.port ? dst.server : {}) },
    })),
  );
}
