/** What root does to the agent's own files and programs, while it runs and while it does not: kept, put back, and told. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostPolicy } from "@ringwall/policy/lower";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agentStatus } from "./index.ts";
import { native } from "./kernel/native.ts";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";
import { PROGRAMS } from "./testing/interpreter-programs.ts";

const PYTHON = realpathSync("/usr/bin/python3");

describe.skipIf(whyNoKernelTests("agent-files.test.ts") !== undefined)(
  "an agent whose files are edited",
  () => {
    let host: AgentHost;
    let app: string;
    let other: string;
    let policy: HostPolicy;
    let generation = 0n;
    const state = (name: string) => `${host.stateDir}/${name}`;
    const read = (name: string) => readFileSync(state(name), "utf8");

    beforeAll(async () => {
      host = await AgentHost.start();
      app = host.file("app.py", PROGRAMS.python);
      other = host.file("other.py", `${PROGRAMS.python}#`);
      await sleep(30);
      const entry = { executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(app) } };
      policy = hostPolicyOf(allowSoftware("app", entry));
      await start();
      await provision(++generation);
      expect(await both()).toEqual(["connected", "refused"]);
    });
    afterAll(() => host.close());

    async function start(): Promise<void> {
      const before = host.controller.subscriptions.length;
      expect(await host.startAgent()).toBe("ready");
      await host.until(() => host.controller.subscriptions.length > before);
    }
    /** As the controller does after every reconnection, and for each new generation. */
    async function provision(wanted: bigint): Promise<void> {
      const told = host.controller.statuses.length;
      host.provision(wanted, policy);
      await host.until(() => host.controller.statuses.slice(told).some((one) => one.generation === wanted));
    }
    /** What the allowed script gets, and its neighbour. */
    async function both(): Promise<readonly string[]> {
      const environment = { RW_PORT: String(host.port) };
      const ran = [app, other].map((path) => host.run([PYTHON, path], environment));
      return (await Promise.all(ran)).map(({ output }) => output.trim());
    }

    test("tells of nothing that it writes itself", async () => {
      for (let i = 0; i < 3; i++) {
        host.file(`new-${i}.py`, `${PROGRAMS.python}#${i}`);
        await sleep(30);
        await host.run([PYTHON, `new-${i}.py`], { RW_PORT: String(host.port) });
        await provision(++generation);
      }
      await sleep(4500);
      await host.stopAgent("SIGTERM");
      expect(host.log).not.toMatch(/another hand|DEP0168|task failed/);
      await start();
      await provision(generation);
      expect(host.status?.problem).toBe("");
    });

    test("attaches programs again whose links were detached and left pinned, and says so", async () => {
      const pin = `${host.pinDir}/links/connect4`;
      const isAttached = () => {
        const link = native().open(pin);
        const attached = native().isAttached(link);
        native().close(link);
        return attached === 1;
      };
      expect(isAttached()).toBe(true);
      execFileSync("bpftool", ["link", "detach", "pinned", pin]);
      expect(existsSync(pin)).toBe(true);
      await host.until(() => host.status?.problem.includes("taken out of the kernel (connect4)"));
      await host.until(isAttached);
      expect(await both()).toEqual(["connected", "refused"]);
    });

    test("puts back what was changed or removed while it runs, and says so", async () => {
      const names = ["policy.json", "identities.ndjson", "digests.txt", "identity/credentials.json"];
      const before = names.map(read);
      writeFileSync(state("policy.json"), observing(before[0]));
      for (const name of names.slice(1, 3)) rmSync(state(name));
      writeFileSync(state("identity/credentials.json"), "{}");
      await host.until(() => names.every((name) => host.status?.problem.includes(`/${name}\` was `)));
      await host.until(() => names.every((name) => existsSync(state(name))));
      expect(read("policy.json")).toBe(before[0]);
      expect(read("identity/credentials.json")).toBe(before[3]);
      expect(statSync(state("identities.ndjson")).mode & 0o777).toBe(0o600);

      // The next agent goes by what was put back: nothing is loaded anew, nobody has to enrol.
      await host.stopAgent("SIGKILL");
      await start();
      expect(host.log).not.toContain("loaded anew");
      expect(await both()).toEqual(["connected", "refused"]);
    });

    test("lets the controller's policy replace one that was edited while it was away, and says so", async () => {
      await host.stopAgent("SIGKILL");
      writeFileSync(state("policy.json"), observing(read("policy.json")));
      // Nobody says what a new process is.
      expect(await both()).toEqual(["refused", "refused"]);
      await start();
      expect(await both()).toEqual(["connected", "connected"]);
      await provision(generation);
      await host.until(() =>
        host.status?.problem.includes(`was not generation ${generation} as the controller gave it out`),
      );
      expect(await both()).toEqual(["connected", "refused"]);
      expect(read("policy.json")).not.toContain('"outbound":"observe"');
    });

    test.each([
      ["removed", () => rmSync(state("policy.json"))],
      ["cut off", () => writeFileSync(state("policy.json"), read("policy.json").slice(0, 99))],
    ])(
      "leaves in the kernel what was in force where its policy was %s while it was away, and says so",
      async (_, edit) => {
        await host.stopAgent("SIGKILL");
        edit();
        await start();
        await host.until(() => host.status?.problem.includes(`generation ${generation} stays in the kernel`));
        expect(await both()).toEqual(["connected", "refused"]);
        expect((await agentStatus(host)).enforced).toMatchObject({
          generation: String(generation),
          outbound: "block",
        });
        await provision(generation);
        expect(await both()).toEqual(["connected", "refused"]);
      },
    );

    test("does not start without its credentials, and what is pinned goes on judging", async () => {
      await host.stopAgent("SIGKILL");
      rmSync(state("identity/credentials.json"));
      expect(await host.startAgent({ tokenFile: undefined })).toMatchObject({
        code: 2,
        output: expect.stringContaining("not-enrolled"),
      });
      expect(await both()).toEqual(["refused", "refused"]);
    });
  },
);

function observing(policy = ""): string {
  return policy.replaceAll('"outbound":"block"', '"outbound":"observe"');
}
