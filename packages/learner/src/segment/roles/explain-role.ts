import type { SoftwareGroup } from "../../software/software-group.ts";
import type { Profile } from "./profile.ts";

/** Why these hosts are one role, in a sentence. */
export function explainRole(
  hosts: readonly Profile[],
  { software }: { readonly software: readonly SoftwareGroup[] },
): string {
  const [first] = hosts;
  const program = software[first?.main ?? -1]?.name ?? "no known program";
  const ports = [...new Set(hosts.flatMap((host) => [...host.serves]))].sort((a, b) => a - b).map(portWords);
  const does = ports.length === 0 ? `run ${program}` : `serve ${program} on ${ports.slice(0, 3).join(", ")}`;
  if (hosts.length === 1)
    return `it ${does.replace(/^(run|serve)/, "$1s")}, and no other host has the same neighbours`;
  const counts = new Map<string, number>();
  for (const { contacts } of hosts) {
    for (const { peer, relation } of contacts)
      counts.set(`${peer} ${relation}`, (counts.get(`${peer} ${relation}`) ?? 0) + 1);
  }
  const shared = [...counts.values()].filter((count) => count >= 2).length;
  return `they ${does} and share ${shared} of their ${counts.size} neighbours`;
}

function portWords(id: number): string {
  return `${["tcp", "udp", "sctp", "icmp"][id % 4]}/${Math.floor(id / 4)}`;
}
