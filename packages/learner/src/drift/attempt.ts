import type { Attempt, FlowEnd, ProcessIdentity } from "@ringwall/model";
import type { Link } from "../links.ts";
import type { Party } from "../party.ts";

/** A link as an attempt to judge; what is not known of it is left out. */
export type Subject = {
  readonly link: Link;
  readonly parties: readonly Party[];
  readonly program: ProcessIdentity | null;
  readonly server: ProcessIdentity | null;
};

/** Stand-ins: another workload or another software in place of what was seen. */
export type StandIn = {
  readonly src?: string;
  readonly dst?: string;
  readonly program?: string;
  readonly server?: string;
};

export function attemptOf({ link, parties, program, server }: Subject, standIn: StandIn = {}): Attempt {
  const isLoopback = parties[link.dst]?.kind === "loopback";
  const src = endOf(parties[link.src], link.srcIp, standIn.src);
  const dst = isLoopback ? { ...src, ip: "127.0.0.1" } : endOf(parties[link.dst], link.ip, standIn.dst);
  const port = link.port === -1 ? {} : link.proto === "icmp" ? { icmpType: link.port } : { port: link.port };
  return {
    proto: link.proto,
    ...port,
    time: new Date(link.lastMs).toISOString(),
    src: { ...src, ...(isLoopback ? { ip: "127.0.0.1" } : {}), ...processOf(program, standIn.program) },
    dst: { ...dst, ...processOf(server, standIn.server) },
  };
}

function endOf(party: Party | undefined, ip: string | null, standIn: string | undefined): FlowEnd {
  if (party?.kind === "workload") return { workload: standIn ?? party.name };
  if (party?.kind === "fqdn") return { fqdn: party.name, ...(ip === null ? {} : { ip }) };
  if (party?.kind === "address" && party.ip !== "") return { ip: party.ip };
  return ip === null ? {} : { ip };
}

function processOf(identity: ProcessIdentity | null, standIn: string | undefined): Partial<FlowEnd> {
  if (standIn !== undefined) return { software: standIn };
  if (identity === null) return {};
  const { environment, ...known } = identity;
  return { ...known, environment: [...environment] };
}
