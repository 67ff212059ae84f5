/** The program at network devices: it only makes refusals quicker, through tcx or through tc filters. */
import { execFileSync } from "node:child_process";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attachDevices } from "../kernel-instance.ts";
import { type DeviceFollower, followDevices } from "../observe/follow-devices.ts";
import { TestHost, wire } from "./testing/host.ts";
import { allow, peer, subjects } from "./testing/policies.ts";
import { connect, serve } from "./testing/programs.ts";
import { LOADER_PATH, whyNoKernelTests } from "./testing/requirements.ts";

const SERVER = 21;

interface Connected {
  readonly errno: number;
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !what(); i++) await sleep(20);
  if (!what()) throw new Error(`never came true: ${what}`);
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

  test("resets what it refuses at the first SYN", async ({ skip }) => {
    skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
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

  test("has its filters put back where others took them from a device", async ({ skip }) => {
    skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
    const attach = async () => b.attachDevices("--tc-filters");
    const follower = followDevices(attach, () => undefined, `/run/netns/${b.name}`);
    try {
      for (const [kind, where] of [
        ["qdisc", "clsact"],
        ["filter", "ingress"],
      ] as const) {
        execFileSync("tc", ["-n", b.name, kind, "delete", "dev", "wire0", where]);
        await until(() => filters().includes("judge_at_device"));
      }
    } finally {
      await follower.close();
    }
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

describe.skipIf(whyNoKernelTests("devices.test.ts"))("a host whose devices come and go", () => {
  let a: TestHost;
  let b: TestHost;
  let follower: DeviceFollower;
  let attached = 0;
  const failures: unknown[] = [];
  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    const netns = `/run/netns/${b.name}`;
    const attach = async () => {
      await attachDevices(b.pin, { netns });
      attached++;
    };
    follower = followDevices(attach, (error) => failures.push(error), netns);
    await b.provision({ modeIn: "block", subjects: subjects(SERVER) });
    await b.start(serve("0.0.0.0", 8000), SERVER);
  });
  afterAll(async () => {
    await follower.close();
    await a.close();
    await b.close();
  });

  /** Whether what is refused there is refused at once: only the program at the device does that. */
  async function isJudged(): Promise<boolean> {
    const resent = a.resentSegments();
    await a.ask(connect("10.77.0.2", 8000, { timeoutS: 4 }));
    return a.resentSegments() === resent;
  }
  const plug = (index: number) => {
    const far = ["peer", "name", "wire0", "netns", b.name, "index", String(index)];
    a.ip("link", "add", "wire0", "type", "veth", ...far);
    [a, b].forEach((host, i) => {
      host.ip("addr", "add", `10.77.0.${i + 1}/24`, "dev", "wire0");
      host.ip("link", "set", "wire0", "up");
    });
  };

  test("attaches to what is there when it begins, and once to one that comes", async ({ skip }) => {
    skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
    await until(() => attached === 1);
    plug(70);
    await until(() => attached === 2);
    expect(await isJudged()).toBe(true);
    b.ip("link", "set", "wire0", "mtu", "1400");
    b.ip("link", "set", "wire0", "down");
    b.ip("link", "set", "wire0", "up");
    await sleep(500);
    expect(attached).toBe(2);
  });

  test.for([
    ["another number", 71],
    ["the number that it had", 71],
  ] as const)(
    "attaches to one that is made again at once under its name, with %s",
    async ([_, index], { skip }) => {
      skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
      const before = attached;
      a.ip("link", "delete", "wire0");
      plug(index);
      await until(() => attached > before);
      expect(await isJudged()).toBe(true);
    },
  );

  test("attaches to nothing any more once it is closed", async ({ skip }) => {
    skip(!b.has("judge_at_device"), "no `judge_at_device` on this kernel");
    expect(failures).toEqual([]);
    const before = attached;
    await follower.close();
    a.ip("link", "delete", "wire0");
    plug(72);
    await sleep(500);
    expect(attached).toBe(before);
  });
});
