import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Flow, FlowEnd, Workload } from "@ringwall/model";
import { BadArgument } from "@ringwall/model/testing/arguments";
import { z } from "zod";
import { parseInput } from "./parse-input.ts";

const port = z.int().min(0).max(65_535);

/** One connection as Sysmon (event 3) or the Windows firewall (event 5156) logged it. */
const logged = z.object({
  ts: z.string().regex(/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?$/),
  host: z.string(),
  image: z.string(),
  initiated: z.boolean(),
  proto: z.string(),
  sip: z.string(),
  sport: port,
  dip: z.string(),
  dport: port,
  user: z.string().nullable(),
});

type Logged = z.infer<typeof logged>;

export type ProcessFlows = { readonly flows: readonly Flow[]; readonly inventory: readonly Workload[] };

/** Where Windows starts handing out client ports. */
const CLIENT_PORT_MIN = 49_152;
const SYSTEM_PORT_MAX = 1023;

/** The log in a file, compressed where its name ends in `.gz`; throws `BadArgument` for what is none. */
export function loadProcessFlows(file: string): ProcessFlows {
  const bytes = readFileSync(file);
  const text = (file.endsWith(".gz") ? decompress(bytes, file) : bytes).toString("utf8");
  const lines = text.split("\n").map((line, index) => ({ line, place: `line ${index + 1} of \`${file}\`` }));
  return flowsOf(
    lines.flatMap(({ line, place }) => (line.trim() === "" ? [] : [parseInput(logged, line, place)])),
  );
}

function decompress(bytes: Buffer, file: string): Buffer {
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new BadArgument(
      `\`${file}\` is not compressed by gzip: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** Turns logged connections into flow records, in the order of time, and an inventory of the hosts. */
function flowsOf(all: readonly Logged[]): ProcessFlows {
  const owners = ownersOf(all);
  const flows = distinct(all.map((one) => toFlow(one, owners)));
  flows.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  const inventory = [...new Set(all.map(hostOf))].sort().map((name) => ({
    apiVersion: "ringwall.dev/v1" as const,
    kind: "Workload" as const,
    metadata: { name },
    spec: {
      addresses: [...owners].flatMap(([ip, host]) => (host === name ? [ip] : [])).sort(),
      management: "agent" as const,
    },
  }));
  return { flows, inventory };
}

function hostOf(one: Logged): string {
  return one.host.split(".")[0]?.toLowerCase() ?? one.host;
}

/** Whose an address is: the host that logged it as its own most often, since answers are logged as if they were calls. */
function ownersOf(all: readonly Logged[]): ReadonlyMap<string, string> {
  const counts = new Map<string, Map<string, number>>();
  for (const one of all) {
    const own = one.initiated ? one.sip : one.dip;
    if (!isOwnable(own)) continue;
    const hosts = counts.get(own) ?? new Map<string, number>();
    counts.set(own, hosts);
    // What a host opened is surely its own; what it received may be an answer.
    hosts.set(hostOf(one), (hosts.get(hostOf(one)) ?? 0) + (one.initiated ? 100 : 1));
  }
  const owners = new Map<string, string>();
  for (const [ip, hosts] of counts) {
    const [most] = [...hosts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    if (most !== undefined) owners.set(ip, most[0]);
  }
  return owners;
}

function toFlow(one: Logged, owners: ReadonlyMap<string, string>): Flow {
  const workload = hostOf(one);
  const isForeign =
    owners.get(one.dip) !== workload && owners.get(one.sip) === workload && isOwnable(one.dip);
  const isClientPort = one.sport <= SYSTEM_PORT_MAX && one.dport >= CLIENT_PORT_MIN;
  const isReply = !one.initiated && (isClientPort || isForeign || !isSource(one.sip));
  const [from, to] = isReply
    ? [
        { ip: one.dip, port: one.dport },
        { ip: one.sip, port: one.sport },
      ]
    : [
        { ip: one.sip, port: one.sport },
        { ip: one.dip, port: one.dport },
      ];
  const exe = pathOf(one.image);
  const process: FlowEnd = { workload, ...(exe === null ? {} : { exe }), user: one.user };
  return {
    time: `${one.ts.replace(" ", "T")}Z`,
    reporter: one.initiated ? "source" : "destination",
    proto: one.proto === "udp" ? "udp" : "tcp",
    port: to.port,
    state: "established",
    src: { ...(one.initiated ? process : {}), ...from },
    dst: { ...(one.initiated ? {} : process), ip: to.ip },
  };
}

/** Nobody sends from a broadcast or multicast address. */
function isSource(ip: string): boolean {
  return !ip.endsWith(".255") && !/^(?:22[4-9]|23\d)\./.test(ip);
}

/** `\device\harddiskvolume2\windows\system32\svchost.exe` and `C:\Windows\System32\svchost.exe` are one path. */
function pathOf(image: string): string | null {
  if (/^(?:<|&lt;)/.test(image) || image === "" || image === "-") return null;
  const path = image
    .toLowerCase()
    .replaceAll("\\", "/")
    .replace(/^\/device\/harddiskvolume\d+/, "")
    .replace(/^[a-z]:/, "");
  return path.startsWith("/") ? path : `/windows/${path}`;
}

function isOwnable(ip: string): boolean {
  return !/^(?:127\.|22[4-9]\.|23\d\.|255\.|::1$|ff|0\.)/.test(ip) && !ip.endsWith(".255");
}

/** Two sensors log one connection; the same record twice counts once. */
function distinct(flows: readonly Flow[]): Flow[] {
  const seen = new Map<string, Flow>();
  for (const flow of flows) {
    const { src, dst, proto, port, reporter, time } = flow;
    const key = [reporter, proto, src.ip, src.port, dst.ip, port, src.exe, dst.exe, time.slice(0, 18)].join(
      " ",
    );
    if (!seen.has(key)) seen.set(key, flow);
  }
  return [...seen.values()];
}
