import type { Flow, FlowEnd, Workload } from "@ringwall/model";

/** One connection as Sysmon (event 3) or the Windows firewall (event 5156) logged it. */
type Logged = {
  readonly ts: string;
  readonly host: string;
  readonly image: string;
  readonly initiated: boolean;
  readonly proto: string;
  readonly sip: string;
  readonly sport: number;
  readonly dip: string;
  readonly dport: number;
  readonly user: string | null;
};

export type ProcessFlows = { readonly flows: readonly Flow[]; readonly inventory: readonly Workload[] };

/** Where Windows starts handing out client ports. */
const CLIENT_PORT_MIN = 49_152;
const SYSTEM_PORT_MAX = 1023;

/** Turns logged connections (one JSON object a line) into flow records, in the order of time, and an inventory of the hosts. */
export function parseProcessFlows(text: string): ProcessFlows {
  const logged = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as Logged);
  const owners = ownersOf(logged);
  const flows = distinct(logged.map((one) => toFlow(one, owners)));
  flows.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  const inventory = [...new Set(logged.map(hostOf))].sort().map((name) => ({
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
function ownersOf(logged: readonly Logged[]): ReadonlyMap<string, string> {
  const counts = new Map<string, Map<string, number>>();
  for (const one of logged) {
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
