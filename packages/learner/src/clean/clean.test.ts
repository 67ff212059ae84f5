import type { Flow } from "@ringwall/model";
import { describe, expect, test } from "vitest";
import { edgesOfFlows } from "../input/edges-of-flows.ts";
import { learn } from "../learn.ts";
import { api, daily, digest, learned, nginx, postgres, shop, shopFlows } from "../testing/records.ts";

const baseline = learned(shopFlows(10), shop).report.rules.map(({ rule }) => rule);
const withMore = (more: readonly Flow[]): ReturnType<typeof learned> =>
  learned([...shopFlows(10), ...more], shop);
const reasonsOf = (result: ReturnType<typeof learned>): readonly string[] =>
  result.report.setAside.map(({ reason }) => reason);

function expectAside(more: readonly Flow[], reason: string): void {
  const result = withMore(more);
  expect(result.report.rules.map(({ rule }) => rule)).toEqual(baseline);
  expect(reasonsOf(result)).toContain(reason);
}

describe("what must not be learned", () => {
  const scan = (state: Flow["state"]): readonly Flow[] =>
    Array.from({ length: 30 }, (_, port) =>
      daily({ ip: "10.66.0.1" }, { workload: "db" }, 100 + port, 1, { state: state ?? "refused" }),
    ).flat();

  test("a scan is one finding", () => {
    const result = withMore(scan("refused"));
    expect(
      result.report.setAside.filter(({ reason }) => reason === "scan").map(({ edges }) => edges),
    ).toEqual([30]);
  });

  test("a window of nothing but a scan yields no rule, and says why", () => {
    const { report } = learned(scan("timeout"), shop);
    expect(report.rules).toEqual([]);
    expect(report.notes.join(" ")).toContain("nothing in the window is fit to become a rule");
  });

  test("an empty window yields no rule, and says why", () => {
    const { report, resources } = learned([], shop);
    expect([report.rules, resources.filter(({ kind }) => kind === "Policy")]).toEqual([[], []]);
    expect(report.notes[0]).toContain("the window is empty");
  });

  test("what was refused, timed out or rejected is no permission", () => {
    expectAside(
      daily({ workload: "web-1", ...nginx }, { workload: "db" }, 5432, 5, { state: "refused" }),
      "failed",
    );
    expectAside(
      daily({ workload: "web-1", ...nginx }, { workload: "db" }, 5432, 5, { state: "denied" }),
      "denied",
    );
  });

  const implant = { workload: "app-1", exe: "/usr/sbin/updated", exeSha256: digest(40) };
  const callHome = (ip: string): readonly Flow[] => [
    ...daily({ workload: "app-1", exe: "/tmp/x", exeSha256: digest(9) }, { ip }, 443, 1),
    ...daily(implant, { ip }, 443, 8),
  ];

  test("suspicion spreads: from a dishonest program to its target, to the program of one host that goes there, to all of that one", () => {
    const more = [...callHome("10.77.0.5"), ...daily(implant, { workload: "db", ...postgres }, 5432, 8)];
    expectAside(more, "tainted-destination");
    expectAside(more, "tainted-program");
  });

  test("it ends where several hosts use the address for their own reasons", () => {
    const users = ["web-1", "web-2", "app-2"].flatMap((workload) =>
      daily({ workload, exe: "/opt/mirror/sync", exeSha256: digest(41) }, { ip: "10.77.0.6" }, 443, 8),
    );
    expect(reasonsOf(withMore([...callHome("10.77.0.6"), ...users]))).not.toContain("tainted-program");
  });

  test("a general tool that nobody else uses alike taints a private address, not one of the internet", () => {
    const tool = { workload: "web-1", exe: "/usr/bin/nc", exeSha256: digest(42) };
    const honest = { workload: "web-1", exe: "/opt/agent/run", exeSha256: digest(43) };
    const both = (ip: string): readonly Flow[] => [
      ...daily(tool, { ip }, 8443, 2),
      ...daily(honest, { ip }, 8443, 8),
    ];
    expect(reasonsOf(withMore(both("10.78.0.1")))).toContain("tainted-destination");
    expect(reasonsOf(withMore(both("9.9.9.9")))).not.toContain("tainted-destination");
  });

  test("the cloud's metadata service is nobody's, whoever calls it", () => {
    const ip = "169.254.169.254";
    const result = withMore([
      ...daily({ workload: "app-1", exe: "/tmp/x", exeSha256: digest(9) }, { ip }, 80, 1),
      ...daily({ workload: "web-1", exe: "/opt/agent/run", exeSha256: digest(43) }, { ip }, 80, 8),
    ]);
    expect(reasonsOf(result)).not.toContain("tainted-destination");
  });

  test("a program from a place where anybody may write is set aside, whatever it does", () => {
    expectAside(
      daily(
        { workload: "app-1", exe: "/tmp/x", exeSha256: digest(9) },
        { workload: "db", ...postgres },
        5432,
        10,
      ),
      "low-trust-software",
    );
  });

  test("a shell's or a general client's connection is set aside", () => {
    const shell = {
      exe: "/usr/bin/bash",
      exeSha256: digest(9),
      package: "bash",
      evidence: "deb-repo" as const,
    };
    expectAside(
      daily({ workload: "web-1", ...shell }, { workload: "db", ...postgres }, 5432, 3),
      "dual-use-software",
    );
  });

  test("a program whose content changed on one host, unsigned, is set aside", () => {
    const tampered = { ...api, scriptSha256: digest(77) };
    expectAside(
      daily({ workload: "app-1", ...tampered }, { workload: "db", ...postgres }, 5432, 2),
      "changed-content",
    );
  });

  test("lateral movement with the victim's own software is set aside where the role has peers", () => {
    const lateral = daily({ workload: "web-1", ...nginx }, { workload: "db", ...postgres }, 5432, 1, {
      count: 2,
    });
    expectAside(lateral, "no-peer-support");
  });

  test("an address that a low-trust program reached taints others' edges to it", () => {
    const bad = daily({ workload: "app-1", exe: "/dev/shm/x" }, { ip: "198.51.100.7" }, 8443, 2);
    const own = daily({ workload: "app-1", ...api }, { ip: "198.51.100.7" }, 8443, 2);
    expectAside([...bad, ...own], "tainted-destination");
  });

  test("a library forced upon a program from a writable place makes it another's", () => {
    const injected = { ...nginx, environment: ["LD_PRELOAD=/tmp/evil.so"] };
    expectAside(
      daily({ workload: "web-1", ...injected }, { workload: "app-1", ...api }, 8000, 5),
      "low-trust-software",
    );
  });
});

describe("records as they come", () => {
  test("reports of only one end each are put together", () => {
    const split = shopFlows(10).flatMap((flow): Flow[] => {
      const { workload, ip } = flow.dst;
      const bare = { workload, ip };
      return [
        { ...flow, reporter: "source", dst: bare },
        { ...flow, reporter: "destination", src: { workload: flow.src.workload, ip: flow.src.ip } },
      ];
    });
    expect(learned(split, shop).report.rules.map(({ rule }) => rule)).toEqual(baseline);
  });

  test("answers logged as calls are turned around", () => {
    const turned = daily(
      { workload: "db", ip: "10.0.3.1", port: 53 },
      { workload: "app-1", ip: "10.0.2.1" },
      40_001,
      3,
      { proto: "udp" },
    );
    const [edge] = edgesOfFlows(turned, shop);
    expect([edge?.src.workload, edge?.dst.workload, edge?.port]).toEqual(["app-1", "db", 53]);
  });

  test("a clock that is hours off changes no rule", () => {
    const skewed = shopFlows(10).map((flow) => ({
      ...flow,
      time: new Date(Date.parse(flow.time) + 5 * 3_600_000).toISOString(),
    }));
    expect(learned(skewed, shop).report.rules.map(({ rule }) => rule)).toEqual(baseline);
  });

  test("one record in three is enough for the same rules", () => {
    const sampled = shopFlows(12).filter((_, index) => index % 3 === 0);
    expect(learned(sampled, shop).report.rules.map(({ rule }) => rule)).toEqual(baseline);
  });

  test("without processes the rules name no software, and the report says that they are wider", () => {
    const bare = shopFlows(10).map((flow) => ({
      ...flow,
      src: { workload: flow.src.workload, ip: flow.src.ip },
      dst: { workload: flow.dst.workload },
    }));
    const { report, resources } = learned(bare, shop);
    expect(resources.filter(({ kind }) => kind === "Software")).toEqual([]);
    expect(report.rules.length).toBeGreaterThan(0);
    expect(report.notes.join(" ")).toContain("name no software");
  });

  test("Ringwall's own traffic needs no rule", () => {
    const agent = daily(
      { workload: "app-1", exe: "/usr/lib/ringwall/ringwall-agent" },
      { ip: "10.0.9.9" },
      8443,
      3,
    );
    const edges = edgesOfFlows(
      [...agent, ...daily({ workload: "app-1", ...api }, { ip: "10.0.9.9" }, 8443, 3)],
      shop,
    );
    const { report } = learn({
      edges,
      inventory: shop,
      tightness: 0.5,
      seed: 1,
      taken: [],
      essential: [{ ip: "10.0.9.9", port: 8443 }],
    });
    expect(report.rules).toEqual([]);
    expect(new Set(report.setAside.map(({ reason }) => reason))).toEqual(new Set(["essential"]));
  });
});
