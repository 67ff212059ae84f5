/** A host that was off for longer than its certificate lives: what it enforced comes back before its connection does. */
import { readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type AgentReport, agentStatus } from "./index.ts";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { unloadPrograms } from "./kernel-instance.ts";
import { type Credentials, expiryOf, loadCredentials, saveCredentials } from "./session/credentials.ts";
import { renew } from "./session/enrol.ts";
import { formatToken } from "./session/token.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";
import { PROGRAMS } from "./testing/interpreter-programs.ts";

const PYTHON = realpathSync("/usr/bin/python3");
/** As a unit file has it: without a name, which is the one in the certificate. */
const UNIT = { workload: undefined };

describe.skipIf(whyNoKernelTests("agent-expired.test.ts") !== undefined)(
  "a host that was off for days",
  () => {
    let host: AgentHost;
    let app: string;
    let other: string;

    let expired: Credentials;
    let used: string;

    beforeAll(async () => {
      host = await AgentHost.start();
      used = readFileSync(`${host.folder}/token`, "utf8");
      app = host.file("app.py", PROGRAMS.python);
      other = host.file("other.py", `${PROGRAMS.python}#`);
      await sleep(30);
      const entry = { executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(app) } };
      expect(await host.startAgent()).toBe("ready");
      await host.until(() => host.controller.subscriptions.length > 0);
      host.provision(1n, hostPolicyOf(allowSoftware("app", entry)));
      await host.until(() => host.status?.generation === 1n);
      host.controller.settings.lifetimeMs = 1;
      const stored = await loadCredentials(host.stateDir, null);
      if (stored === null) throw new Error("the agent is not enrolled");
      expired = await renew(stored);
      host.controller.settings.lifetimeMs = 3_600_000;
    });
    /** Off, and on again after the certificate has expired. */
    beforeEach(async () => {
      await host.stopAgent("SIGKILL");
      await saveCredentials(host.stateDir, expired);
      await unloadPrograms(host.pinDir);
      rmSync(`${host.stateDir}/status.json`);
      host.file("token", used);
      expect(await both()).toEqual(["connected", "connected"]);
    });
    afterAll(() => host.close());

    /** What `agent status` shows once the agent has tried to connect. */
    async function told(): Promise<AgentReport | null> {
      const report = async () => (await agentStatus(host)).report;
      for (let i = 0; i < 1500; i++) {
        const { connected, connectionProblem } = (await report()) ?? {};
        if (connected === true || (connectionProblem ?? "not tried yet") !== "not tried yet") break;
        await sleep(20);
      }
      return report();
    }
    /** What the allowed script gets, and its neighbour. */
    async function both(): Promise<readonly string[]> {
      const environment = { RW_PORT: String(host.port) };
      const ran = [app, other].map((path) => host.run([PYTHON, path], environment));
      return (await Promise.all(ran)).map(({ output }) => output.trim());
    }
    const credentialsFile = () => `${host.stateDir}/identity/credentials.json`;
    const tokenOfNobody = () =>
      formatToken({ controller: "https://127.0.0.1:9", caSha256: "0".repeat(64), secret: "x" });

    test.each([
      ["has expired", () => undefined],
      ["is damaged", () => writeFileSync(credentialsFile(), "{}")],
      ["is gone", () => rmSync(credentialsFile())],
    ])(
      "enforces its policy though its certificate %s and the controller is away, and enrols when it is back",
      async (_, spoil) => {
        spoil();
        host.file("token", tokenOfNobody());
        const before = host.controller.subscriptions.length;
        expect(await host.startAgent(UNIT)).toBe("ready");
        expect(await both()).toEqual(["connected", "refused"]);
        expect(await told()).toMatchObject({
          workload: "web-1",
          generation: "1",
          connected: false,
          connectionProblem: expect.stringContaining("https://127.0.0.1:9` can't be reached"),
        });

        host.file("token", host.controller.token());
        await host.until(() => host.controller.subscriptions.length > before);
        expect(host.controller.subscriptions.at(-1)).toEqual({ workload: "web-1", generation: 1n });
        const stored = await loadCredentials(host.stateDir, Date.now());
        expect(stored).toMatchObject({ workload: "web-1", controller: host.controller.url });
        expect(await both()).toEqual(["connected", "refused"]);
      },
    );

    test("enforces its policy though its token is refused, says so, and takes a new one", async () => {
      const before = host.controller.subscriptions.length;
      expect(await host.startAgent(UNIT)).toBe("ready");
      expect(await both()).toEqual(["connected", "refused"]);
      const refused = "the token was used already; enrol again";
      expect((await told())?.connectionProblem).toContain(refused);
      expect(host.log).toContain(refused);

      host.file("token", host.controller.token());
      await host.until(() => host.controller.subscriptions.length > before);
      const stored = await loadCredentials(host.stateDir, Date.now());
      expect(stored && expiryOf(stored)?.getTime()).toBeGreaterThan(Date.now());
    });

    test("enforces its policy when it is forgotten, and takes a new token while it runs", async () => {
      host.file("token", host.controller.token());
      expect(await host.startAgent(UNIT)).toBe("ready");
      await host.until(async () => (await told())?.connected === true);
      host.controller.forget("web-1");
      await host.until(async () => (await told())?.connectionProblem?.includes("was forgotten") === true);
      expect(await both()).toEqual(["connected", "refused"]);
      const { connectionProblem } = (await told()) ?? {};
      expect(connectionProblem).toContain(`put it into \`${host.folder}/token\``);
      expect(host.log).toContain(connectionProblem);

      const before = host.controller.subscriptions.length;
      const token = host.controller.token();
      host.file("token", token);
      await host.until(async () => (await told())?.connected === true);
      expect(host.controller.subscriptions.length).toBeGreaterThan(before);
      expect(host.log).toContain(`enrolled again as \`web-1\`, with the token in \`${host.folder}/token\``);
      expect(host.log).not.toContain(token);
      expect(await both()).toEqual(["connected", "refused"]);
    });

    test.each([
      ["can't be read", () => rmSync(`${host.folder}/token`), "can't be read"],
      ["is none", () => host.file("token", "nonsense"), "the enrolment token can't be one"],
    ])("enforces its policy though its token %s, and says so", async (_, spoil, words) => {
      spoil();
      expect(await host.startAgent(UNIT)).toBe("ready");
      expect(await both()).toEqual(["connected", "refused"]);
      expect((await told())?.connectionProblem).toContain(words);
    });

    test("is not taken for another workload by its name", async () => {
      const ran = await host.startAgent({ workload: "db-1" });
      expect(ran).toMatchObject({ code: 2, output: expect.stringContaining("enrolled-otherwise") });
    });
  },
);
