import { paint, say } from "../output/print.ts";
import { printTable } from "../output/table.ts";

export type ShownDrift = {
  readonly allowed: number;
  readonly edges: readonly {
    readonly source: string;
    readonly sourceSoftware: string | null;
    readonly destination: string;
    readonly destinationSoftware: string | null;
    readonly port: string;
    readonly class: string;
    readonly words: string;
    readonly connections: number;
  }[];
  readonly replicas: readonly {
    readonly workload: string;
    readonly segment: string;
    readonly words: string;
  }[];
};

/** What the policy does not allow, what is suspicious first. */
export async function printDrift({ allowed, edges, replicas }: ShownDrift): Promise<void> {
  for (const { workload, segment, words } of replicas)
    say(`\`${workload}\` belongs to \`${segment}\`: ${words}`);
  say(`${allowed} edges are allowed, ${edges.length} are not${edges.length === 0 ? "" : ":"}`);
  if (edges.length === 0) return;
  await printTable(
    [
      { head: "CLASS" },
      { head: "FROM", shrink: "middle" },
      { head: "TO", shrink: "middle" },
      { head: "PORT", shrink: "end" },
      { head: "COUNT", align: "right" },
      { head: "WHY", shrink: "end" },
    ],
    edges.map((edge) => [
      edge.class === "suspicious" ? { text: edge.class, style: "red" } : edge.class,
      partyOf(edge.source, edge.sourceSoftware),
      partyOf(edge.destination, edge.destinationSoftware),
      edge.port,
      String(edge.connections),
      edge.words,
    ]),
  );
  if (edges.some((edge) => edge.class === "suspicious"))
    say(paint("red", "\nLook at what is suspicious before anything is allowed."));
}

function partyOf(name: string, software: string | null): string {
  return software === null ? name : `${software} on ${name}`;
}
