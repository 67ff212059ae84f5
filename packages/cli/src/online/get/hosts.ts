import { type WorkloadView, workloadView } from "@ringwall/protocol/rest";
import { z } from "zod";
import { commandName } from "../../command-name.ts";
import { cleanLines } from "../../output/clean.ts";
import { paint, type Style, say } from "../../output/print.ts";
import { formatCount, plural } from "../../output/size.ts";
import { printTable } from "../../output/table.ts";
import { defineKind } from "./kind.ts";

type Host = { readonly name: string } & NonNullable<WorkloadView["agent"]>;

const LEVEL_STYLES: Readonly<Record<string, Style>> = { lsm: "green", core: "cyan" };

export const kind = defineKind<Host>({
  ask: async (api) => {
    const { workloads } = await api.get("/api/v1/workloads", z.object({ workloads: z.array(workloadView) }));
    return workloads.flatMap(({ name, agent }) => (agent === null ? [] : [{ name, ...agent }]));
  },
  empty:
    "no hosts with agents yet: `ringwall token create` makes a token for one, `ringwall up` starts one here",
  print: async (hosts) => {
    await printTable(
      [
        { head: "HOST", shrink: "middle" },
        { head: "LEVEL" },
        { head: "KERNEL", shrink: "end" },
        { head: "PROOFS" },
        { head: "LACKS", shrink: "end" },
        { head: "PROBLEM", shrink: "end" },
        { head: "FLOWS LOST", align: "right", drop: 1 },
      ],
      hosts.map((host) => [
        host.name,
        { text: host.capability, style: LEVEL_STYLES[host.capability] ?? "red" },
        host.kernel ?? "-",
        host.proof === null ? "none" : `key ${host.proof.generations.at(-1)}`,
        lacking(host).join(", ") || "-",
        pausedOf(host) || headOf(host.problem) || "-",
        formatCount(host.flowsLost),
      ]),
    );
    for (const line of [...meanings(hosts), ...problems(hosts)]) say(line);
  },
});

function pausedOf({ pausedUntil }: Host): string {
  return pausedUntil === null ? "" : `PAUSED until ${pausedUntil}`;
}

/** The rest, with what to do, has no room in a table. */
function headOf(problem: string): string {
  return problem.split("\n", 1)[0] ?? "";
}

/** Each in full, with what to do about it. */
function problems(hosts: readonly Host[]): string[] {
  return hosts
    .filter((host) => host.problem !== "")
    .map(({ name, problem }) => {
      const text = cleanLines(problem).replaceAll("`ringwall ", `\`${commandName()} `);
      return `${paint("yellow", name)}: ${text}`;
    });
}

function lacking(host: Host): string[] {
  return host.features.filter((one) => !one.available).map((one) => one.name);
}

/** What is missing somewhere, once each, with what it means and on how many hosts. */
function meanings(hosts: readonly Host[]): string[] {
  const missing = new Map<string, { means: string; hosts: number }>();
  for (const { name, means } of hosts.flatMap((host) => host.features.filter((one) => !one.available))) {
    missing.set(name, { means, hosts: (missing.get(name)?.hosts ?? 0) + 1 });
  }
  return [...missing].map(
    ([name, one]) => `${paint("yellow", name)} is missing on ${plural(one.hosts, "host")}: ${one.means}`,
  );
}
