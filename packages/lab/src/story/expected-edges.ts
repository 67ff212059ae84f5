import type { Flow, FlowEnd } from "@ringwall/model";
import { type HostName, hosts, ports } from "../topology.ts";

/** A communication of normal use, by what is known of both ends: the end of a path, script before executable. */
export type ExpectedEdge = {
  readonly from: HostName;
  readonly program: string | null;
  readonly to: HostName;
  readonly server: string | null;
  readonly proto: "tcp" | "udp";
  readonly port: number;
};

const ssh = { from: "jump", program: "/ssh", server: "/sshd", proto: "tcp", port: ports.ssh } as const;

/** What normal use consists of. Null: that end has no agent, or is not judged (inbound UDP). */
export const expectedEdges: readonly ExpectedEdge[] = [
  { from: "client", program: null, to: "web", server: "/nginx", proto: "tcp", port: ports.http },
  { from: "web", program: "/nginx", to: "app", server: "/api.py", proto: "tcp", port: ports.api },
  { from: "app", program: "/api.py", to: "db", server: "/postgres", proto: "tcp", port: ports.postgres },
  { from: "backup", program: "/pg_dump", to: "db", server: "/postgres", proto: "tcp", port: ports.postgres },
  { from: "app", program: "/api.py", to: "backup", server: null, proto: "udp", port: ports.metrics },
  { ...ssh, to: "web" },
  { ...ssh, to: "app" },
  { ...ssh, to: "db" },
  { ...ssh, to: "backup" },
];

/** Whether the flow is this edge, with the software of both ends. */
export function shows(flow: Flow, edge: ExpectedEdge): boolean {
  return (
    flow.proto === edge.proto &&
    flow.port === edge.port &&
    isAt(flow.src, edge.from) &&
    isAt(flow.dst, edge.to) &&
    (edge.program === null || programOf(flow.src).endsWith(edge.program)) &&
    (edge.server === null || programOf(flow.dst).endsWith(edge.server))
  );
}

export function programOf(end: FlowEnd): string {
  return end.script ?? end.exe ?? "";
}

export function isAt(end: FlowEnd, name: HostName): boolean {
  const host = hosts[name];
  return end.workload === name || end.ip === host.ipv4 || end.ip === host.ipv6;
}
