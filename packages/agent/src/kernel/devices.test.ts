/** The program at network devices: it only makes refusals quicker, through tcx or through tc filters. */
import { execFileSync } from "node:child_process";
import { constants } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestHost, wire } from "./testing/host.ts";
import { allow, peer, subjects } from "./testing/policies.ts";
import { connect, serve } from "./testing/programs.ts";
import { LOADER_PATH, whyNoKernelTests } from "./testing/requirements.ts";

const SERVER = 21;

interface Connected {
  readonly errno: number;
}

describe.skipIf(whyNoKernelTests("devices.test.ts"))("a host with tc filters instead of tcx", () => {
  let a: TestHost;
  let b: TestHost;
  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    b.unload();
    b.reload("--tc-filters");
    wire(a, b, "--tc-filters");
    await b.start(serve("10.77.0.2", 8000), SERVER);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  const reach = (): Promise<Connected> => a.ask<Connected>(connect("10.77.0.2", 8000, { timeoutS: 4 }));
  const filters = (netns = b.name, device = "wire0"): string =>
    execFileSync("tc", ["-n", netns, "filter", "show", "dev", device, "ingress"], { encoding: "utf8" });

  test("resets what it refuses at the first SYN", async () => {
    if (!b.has("judge_at_device")) return;
    await b.provision({ modeIn: "block", subjects: subjects(SERVER) });
    const resent = a.resentSegments();
    expect(await reach()).toMatchObject({ errno: constants.errno.ECONNREFUSED });
    expect(a.resentSegments()).toBe(resent);
  });

  test("lets in what it allows, judged once", async () => {
    const rule = allow({ direction: "in", subject: SERVER, peer: 3, port: 8000, portBits: 16, rule: 8 });
    await b.provision({
      modeIn: "block",
      policies: [rule],
      peers: [peer("10.77.0.1", 3)],
      subjects: subjects(SERVER),
    });
    await b.flows();
    expect((await reach()).errno).toBe(0);
    const flows = await b.flows();
    expect(flows.map(({ rule, state, verdict }) => ({ rule, state, verdict }))).toEqual([
      { rule: 8, state: "established", verdict: "allowed" },
    ]);
    expect(flows[0]?.count).toBe(1n);
  });

  test("keeps one filter on a device however often it is attached, and none once unloaded", () => {
    b.attachDevices("--tc-filters");
    b.attachDevices("--tc-filters");
    expect(filters().match(/handle 0x/g)).toHaveLength(1);
    b.unload();
    expect(filters()).not.toContain("judge_at_device");
    b.reload("--tc-filters");
  });

  test("leaves none in a namespace that it was asked to attach in besides its own", () => {
    const inside = `${b.name}c`;
    execFileSync("ip", ["netns", "add", inside]);
    try {
      execFileSync("ip", ["-n", inside, "link", "add", "eth0", "type", "veth", "peer", "name", "far0"]);
      const netns = ["--netns", `/run/netns/${inside}`];
      execFileSync(LOADER_PATH, ["devices", "--pin", b.pin, ...netns, "--tc-filters"]);
      expect(filters(inside, "eth0")).toContain("judge_at_device");
      b.unload();
      expect(filters(inside, "eth0")).toBe("");
      b.reload("--tc-filters");
    } finally {
      execFileSync("ip", ["netns", "delete", inside]);
    }
  });
});
