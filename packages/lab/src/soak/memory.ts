import { readFileSync } from "node:fs";
import path from "node:path";
import { processesIn } from "../hosts/cgroup.ts";
import type { LabHost } from "../hosts/host.ts";

const LOOK_EVERY_MS = 5000;
/** Looks whose middle is told: a process that has just begun says little. */
const LOOKS_EACH_END = 12;

/** Looks at what agents and controller take, all processes of a service together. `stop` says how it went, a line each. */
export function watchMemory(hosts: readonly LabHost[]): { readonly stop: () => readonly string[] } {
  const services = hosts.map((host) => {
    const unit = host.name === "controller" ? "ringwall-controller.service" : "ringwall-agent.service";
    return { name: host.name, cgroup: path.join(host.cgroup, "system.slice", unit), seen: [] as number[] };
  });
  const timer = setInterval(() => {
    for (const { cgroup, seen } of services) {
      const mib = processesIn(cgroup).reduce((sum, pid) => sum + shareOf(pid), 0) / 1024;
      if (mib > 0) seen.push(mib);
    }
  }, LOOK_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return services.map(({ name, seen }) => {
        const first = middle(seen.slice(0, LOOKS_EACH_END));
        const last = middle(seen.slice(-LOOKS_EACH_END));
        const most = seen.reduce((highest, mib) => Math.max(highest, mib), 0);
        return `memory of ${name}: ${first} MiB in the first minute, ${last} in the last, ${Math.round(most)} at most`;
      });
    },
  };
}

function middle(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0);
}

/** Resident KiB, with what several processes share divided between them. */
function shareOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
  } catch {
    // It has ended.
    return 0;
  }
}
