import type { Flow, FlowEnd, Workload } from "@ringwall/model";
import { resource } from "@ringwall/model";
import { describe, expect, test } from "vitest";
import { edgesOfFlows } from "./input/edges-of-flows.ts";
import { learn } from "./learn.ts";
import type { LearnResult } from "./result.ts";

const digest = (n: number): string => n.toString(16).padStart(64, "0");
const host = (name: string, ip: string, labels?: Record<string, string>): Workload => ({
  apiVersion: "ringwall.dev/v1",
  kind: "Workload",
  metadata: { name, ...(labels === undefined ? {} : { labels }) },
  spec: { addresses: [ip], management: "agent" },
});
const inventory = [
  host("web", "10.0.1.1"),
  host("app", "10.0.2.1"),
  host("db", "10.0.3.1"),
  host("backup", "10.0.4.1"),
  host("jump", "10.0.5.1"),
];
const nginx: Partial<FlowEnd> = {
  exe: "/usr/sbin/nginx",
  exeSha256: digest(1),
  package: "nginx",
  evidence: "deb-repo",
};
const python: Partial<FlowEnd> = {
  exe: "/usr/bin/python3.11",
  exeSha256: digest(2),
  package: "python3.11-minimal",
  evidence: "deb-repo",
};
const api: Partial<FlowEnd> = { ...python, script: "/opt/crm/app.py", scriptSha256: digest(3) };
const postgres: Partial<FlowEnd> = { exe: "/usr/lib/postgresql/15/bin/postgres", exeSha256: digest(4) };
const pgDump: Partial<FlowEnd> = { exe: "/usr/lib/postgresql/15/bin/pg_dump", exeSha256: digest(5) };
const psql: Partial<FlowEnd> = { exe: "/usr/lib/postgresql/15/bin/psql", exeSha256: digest(6) };

function flow(
  src: Partial<FlowEnd>,
  dst: Partial<FlowEnd>,
  port: number,
  more: Partial<Flow> = {},
): readonly Flow[] {
  return [0, 1, 2].map((hour) => ({
    time: `2026-11-20T1${hour}:00:00Z`,
    proto: "tcp",
    port,
    state: "established",
    src,
    dst,
    count: 5,
    ...more,
  }));
}

const normal: readonly Flow[] = [
  ...flow({ ip: "192.0.2.7" }, { workload: "web", ip: "10.0.1.1", ...nginx }, 80),
  ...flow({ workload: "web", ...nginx }, { workload: "app", ip: "10.0.2.1" }, 8000, { reporter: "source" }),
  ...flow({ workload: "web", ip: "10.0.1.1" }, { workload: "app", ...api }, 8000, {
    reporter: "destination",
  }),
  ...flow({ workload: "app", ...api }, { workload: "db", ...postgres }, 5432),
  ...flow({ workload: "backup", ...pgDump }, { workload: "db", ...postgres }, 5432),
  ...flow({ workload: "jump", ...psql }, { workload: "db", ...postgres }, 5432),
  ...flow({ workload: "app", ip: "127.0.0.1", ...api }, { workload: "app", ip: "127.0.0.1", ...api }, 9000),
];
const scan: readonly Flow[] = Array.from({ length: 40 }, (_, n) =>
  flow(
    { workload: "jump", exe: "/usr/bin/nmap", exeSha256: digest(7) },
    { workload: "db", ip: "10.0.3.1" },
    1 + n,
    {
      state: n === 9 ? "established" : "refused",
    },
  ),
).flat();

function learned(flows: readonly Flow[], workloads: readonly Workload[] = inventory): LearnResult {
  return learn({
    edges: edgesOfFlows(flows, workloads),
    inventory: workloads,
    tightness: 0.5,
    seed: 1,
    taken: [],
  });
}

const rulesOf = ({ report }: LearnResult): readonly string[] =>
  report.rules.map(({ policy, rule }) => `${policy}/${rule}`);

describe("the three-tier application without labels", () => {
  const result = learned([...normal, ...scan]);

  test("every resource is valid", () => {
    for (const document of result.resources) expect(resource.safeParse(document).error).toBeUndefined();
  });

  test("each host becomes a segment of its own name", () => {
    expect(result.report.segments.map(({ name }) => name).sort()).toEqual([
      "app",
      "backup",
      "db",
      "jump",
      "web",
    ]);
  });

  test("the rules are the true paths and no more", () => {
    expect(rulesOf(result)).toMatchInlineSnapshot(`
      [
        "app/inside app: app may be called",
        "app/inside app: app may call",
        "app/nginx on web reaches app",
        "db/app reaches postgres on db",
        "db/pg_dump on backup reaches postgres on db",
        "db/psql on jump reaches postgres on db",
        "web/192.0.2.7/32 reaches nginx on web",
      ]
    `);
  });

  test("the scan is set apart as one finding, its lucky hit included", () => {
    const findings = result.report.setAside.filter(({ reason }) => reason === "scan");
    expect(findings).toHaveLength(1);
    expect(findings[0]?.edges).toBe(40);
    expect(JSON.stringify(result.resources)).not.toContain("nmap");
  });

  test("segments govern traffic, but not which programs may run, since no rule says that", () => {
    const segments = result.resources.filter((document) => document.kind === "Segment");
    expect(segments.map(({ spec }) => spec.mode ?? spec.modes)).toEqual(
      segments.map(() => ({ inbound: "observe", outbound: "observe" })),
    );
  });

  test("data goes to block first, then what clients reach, then the middle", () => {
    expect(result.report.order.slice(0, 3)).toEqual(["db", "web", "app"]);
  });

  test("programs are recognised by content, or by the package that vouches for it", () => {
    const software = result.resources.filter((document) => document.kind === "Software");
    expect(software).toMatchInlineSnapshot(`
      [
        {
          "apiVersion": "ringwall.dev/v1",
          "kind": "Software",
          "metadata": {
            "name": "app",
          },
          "spec": {
            "anyOf": [
              {
                "executable": {
                  "package": "python3.11-minimal",
                  "path": "/usr/bin/python3.11",
                },
                "script": {
                  "path": "/opt/crm/app.py",
                  "sha256": [
                    "0000000000000000000000000000000000000000000000000000000000000003",
                  ],
                },
              },
            ],
            "upgrades": "signed",
          },
        },
        {
          "apiVersion": "ringwall.dev/v1",
          "kind": "Software",
          "metadata": {
            "name": "pg_dump",
          },
          "spec": {
            "anyOf": [
              {
                "executable": {
                  "path": "/usr/lib/postgresql/15/bin/pg_dump",
                  "sha256": [
                    "0000000000000000000000000000000000000000000000000000000000000005",
                  ],
                },
              },
            ],
            "upgrades": "pinned",
          },
        },
        {
          "apiVersion": "ringwall.dev/v1",
          "kind": "Software",
          "metadata": {
            "name": "postgres",
          },
          "spec": {
            "anyOf": [
              {
                "executable": {
                  "path": "/usr/lib/postgresql/15/bin/postgres",
                  "sha256": [
                    "0000000000000000000000000000000000000000000000000000000000000004",
                  ],
                },
              },
            ],
            "upgrades": "pinned",
          },
        },
        {
          "apiVersion": "ringwall.dev/v1",
          "kind": "Software",
          "metadata": {
            "name": "psql",
          },
          "spec": {
            "anyOf": [
              {
                "executable": {
                  "path": "/usr/lib/postgresql/15/bin/psql",
                  "sha256": [
                    "0000000000000000000000000000000000000000000000000000000000000006",
                  ],
                },
              },
            ],
            "upgrades": "pinned",
          },
        },
        {
          "apiVersion": "ringwall.dev/v1",
          "kind": "Software",
          "metadata": {
            "name": "nginx",
          },
          "spec": {
            "anyOf": [
              {
                "executable": {
                  "package": "nginx",
                  "path": "/usr/sbin/nginx",
                },
              },
            ],
            "upgrades": "signed",
          },
        },
      ]
    `);
  });
});

test("each step is told once as it begins, and whoever listens changes nothing", () => {
  const told: string[] = [];
  const input = { edges: edgesOfFlows([...normal, ...scan], inventory), inventory, tightness: 0.5, seed: 1 };
  const heard = learn({ ...input, taken: [], onStage: (stage) => told.push(stage) });
  expect(told).toEqual(["naming software", "cleaning", "finding segments", "writing rules", "judging"]);
  expect(heard).toEqual(learned([...normal, ...scan]));
});
