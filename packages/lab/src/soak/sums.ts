/** What was made against what is stored: pure. */
import type { Flow } from "@ringwall/model";
import { type HostName, hosts } from "../topology.ts";
import { CURL, FLOWS, PROGRAMS, type SoakFlow, type Told } from "./soak-traffic.ts";

export type Sum = { readonly what: string; readonly made: number; readonly stored: number };

type Made = readonly { readonly flow: SoakFlow; readonly told: Told }[];

/** One line for each pair of programs and protocol. A source without an agent is counted by the destination's. */
export function compareSums(made: Made, curls: number, flows: readonly Flow[]): readonly Sum[] {
  const sums: Sum[] = [];
  for (const { flow, told } of made) {
    const tcp = (told.counts["tcp"]?.sent ?? 0) + (told.counts["stream"]?.sent ?? 0);
    const udp = told.counts["udp"]?.sent ?? 0;
    for (const [proto, count] of [["tcp", tcp] as const, ["udp", udp] as const]) {
      // An inbound datagram that is refused is counted once in 30 s for each pair of ends (docs/dataplane.md).
      if (proto === "udp" && !flow.allowed && !hosts[flow.from].managed) continue;
      const own = flows.filter((one) => one.proto === proto && isOf(one, flow));
      sums.push({
        what: `${flow.from} → ${flow.to} ${flow.script} ${proto}`,
        made: count,
        stored: total(own),
      });
    }
  }
  const own = flows.filter(
    ({ src, dst }) => src.workload === "web" && src.exe === CURL && dst.workload === "app",
  );
  sums.push({ what: "web → app curl tcp", made: curls, stored: total(own) });
  return sums;
}

/** Refusals of what is allowed, for whoever looks for their cause. */
export function refusedThough(flows: readonly Flow[]): readonly string[] {
  const allowed = FLOWS.filter((one) => one.allowed);
  return flows
    .filter(
      (flow) =>
        flow.verdict === "blocked" && allowed.some((one) => isOf(flow, { ...one, script: "client.py" })),
    )
    .map(
      ({ time, count, src, dst, proto, reporter, verification }) =>
        `refused ${time} ${count} × ${src.workload ?? src.ip} → ${dst.workload} ${proto}, by its ${reporter}, ${verification}`,
    );
}

function isOf({ src, dst, port }: Flow, { from, to, script }: SoakFlow): boolean {
  if (port !== 8000 && port !== 8001) return false;
  if (dst.workload !== to && !isAddressOf(dst.ip, to)) return false;
  if (hosts[from].managed) return src.workload === from && src.script === `${PROGRAMS}/${script}`;
  return isAddressOf(src.ip, from);
}

function isAddressOf(ip: string | null | undefined, host: HostName): boolean {
  return ip === hosts[host].ipv4 || ip === hosts[host].ipv6;
}

function total(flows: readonly Flow[]): number {
  return flows.reduce((sum, flow) => sum + (flow.count ?? 1), 0);
}
