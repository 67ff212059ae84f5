import type { Flow, FlowEnd, FlowProtocol, Protocol, Verification } from "@ringwall/model";
import type { Seen, SeenEnd } from "./window.ts";

export const PROTOCOLS: Readonly<Record<number, Protocol>> = { 1: "icmp", 6: "tcp", 17: "udp", 132: "sctp" };

/** Of records alone: what only raw and packet sockets send. */
const RECORDED: Readonly<Record<number, FlowProtocol>> = { ...PROTOCOLS, 255: "other" };

/** A connection group as the model's flow record. */
export function flowOf(seen: Seen): Flow {
  const proto = RECORDED[seen.proto] ?? "tcp";
  return {
    time: new Date(seen.first_ms).toISOString(),
    until: new Date(seen.last_ms).toISOString(),
    count: Math.max(1, seen.count),
    reporter: seen.reporter,
    proto,
    ...portOf(proto, seen.port),
    ...(seen.state === "unknown" ? {} : { state: seen.state }),
    verification: verificationOf(seen),
    verdict: seen.verdict,
    src: endOf(seen.src),
    dst: { ...endOf(seen.dst), ...(seen.fqdn === "" ? {} : { fqdn: seen.fqdn }) },
    bytesOut: seen.bytes_out,
    bytesIn: seen.bytes_in,
  };
}

function portOf(proto: FlowProtocol, port: number): Pick<Flow, "port" | "icmpType"> {
  if (proto === "other") return {};
  return proto === "icmp" ? { icmpType: port } : { port };
}

/**
 * In-band where the kernel of the receiving end (or of the only one that reported) checked a proof; else attested where both
 * reports were joined; else what the address says.
 */
export function verificationOf(seen: Pick<Seen, "reporter" | "known" | "src" | "dst">): Verification {
  const peer = seen.reporter === "source" ? seen.dst : seen.src;
  if (seen.known === "in-band" && peer.workload !== null) return "in-band";
  if (seen.reporter === "joined") return "attested";
  return peer.workload === null ? "none" : "address";
}

function endOf(end: SeenEnd): FlowEnd {
  const { process } = end;
  const place = { workload: end.workload, ip: end.ip };
  if (process === null) return place;
  return {
    ...place,
    user: process.user,
    unit: process.unit,
    container: process.container,
    image: process.image,
    exe: process.exe === "" ? null : process.exe,
    exeSha256: process.exeSha256,
    script: process.script,
    scriptSha256: process.scriptSha256,
    unattributable: process.unattributable,
    package: process.package,
    evidence: process.evidence,
    environment: [...process.environment],
  };
}
