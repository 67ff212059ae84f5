import type { Fleet, Host, Pair } from "../../lab/src/fleet/fleet.ts";

/** The true segment of each host: its service, where services with the same neighbours, port and program count as one. */
export function trueSegments(fleet: Fleet): ReadonlyMap<string, string> {
  const neighbours = new Map<string, Set<string>>();
  const servers = new Map<string, string>();
  for (const host of fleet.hosts) servers.set(host.service, `${host.server.exe} ${host.port}`);
  const note = (service: string | undefined, what: string): void => {
    if (service === undefined) return;
    neighbours.set(service, (neighbours.get(service) ?? new Set<string>()).add(what));
  };
  for (const pair of fleet.pairs) {
    note(
      pair.src?.service,
      `to ${pair.dst?.service} ${pair.port} ${pair.program?.exe} ${pair.program?.script}`,
    );
    note(pair.dst?.service, `from ${pair.src?.service ?? "outside"} ${pair.port} ${pair.program?.exe}`);
  }
  const kinds = new Map<string, string>();
  for (const [service, what] of neighbours)
    kinds.set(service, `${servers.get(service)} ${[...what].sort().join("; ")}`);
  const names = new Map<string, string>();
  for (const [service, kind] of [...kinds].sort()) if (!names.has(kind)) names.set(kind, service);
  return new Map(
    fleet.hosts.map((host) => [host.name, names.get(kinds.get(host.service) ?? "") ?? host.service]),
  );
}

/** True edges between services, and how many of them belong to the infrastructure. */
export function trueServiceEdges(fleet: Fleet): {
  readonly services: number;
  readonly infrastructure: number;
} {
  const services = new Set<string>();
  const infrastructure = new Set<string>();
  for (const pair of fleet.pairs) {
    const key = `${pair.src?.service ?? "outside"} ${pair.dst?.service} ${pair.port}`;
    if (pair.kind === "call" || pair.kind === "client" || pair.kind === "job") services.add(key);
    // What the window can't show is no edge to have a rule for.
    else if (pair.kind !== "month-end")
      infrastructure.add(
        `${pair.kind} ${pair.src === null || !isInfra(pair.src) ? "" : pair.src.service} ${pair.kind === "health" ? pair.port : ""}`,
      );
  }
  return { services: services.size, infrastructure: infrastructure.size };
}

function isInfra(host: Host): boolean {
  return host.service.startsWith("infra/");
}

/** A true permission between workloads: (source, destination, protocol and port, path of the source's program). */
export function tupleOf(pair: Pair): string | null {
  if (pair.src === null || pair.dst === null) return null;
  return [
    pair.src.name,
    pair.dst.name,
    `${pair.proto}/${pair.port}`,
    pair.program?.script ?? pair.program?.exe,
  ].join("\t");
}
