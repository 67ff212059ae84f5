/** A host was off for longer than certificates live, and those of its containers have run out with its own. */
import { realpathSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { type Credentials, expiryOf, loadCredentials, saveCredentials } from "./session/credentials.ts";
import { enrolCarried } from "./session/enrol.ts";
import { AgentHost } from "./testing/agent-host.ts";
import { hostPolicyOf } from "./testing/host-policy.ts";
import { PROGRAMS } from "./testing/interpreter-programs.ts";
import { TestContainer } from "./testing/test-container.ts";

const PYTHON = realpathSync("/usr/bin/python3");

describe.skipIf(whyNoKernelTests("containers-expired.test.ts") !== undefined)(
  "a container whose certificate ran out while nobody could renew it",
  () => {
    let host: AgentHost;
    let container: TestContainer;
    let name: string;
    let stateDir: string;

    const subscriptions = () => host.controller.subscriptions.filter(({ workload }) => workload === name);
    const connecting = () => container.run([PYTHON, host.file("app.py", PROGRAMS.python)], String(host.port));
    async function expire(folder: string, workload: string): Promise<Credentials> {
      const stored = await loadCredentials(folder, null);
      if (stored === null) throw new Error(`no credentials of \`${workload}\``);
      const { lifetimeMs } = host.controller.settings;
      host.controller.settings.lifetimeMs = 1;
      const expired = await enrolCarried(stored, { workload, labels: {}, addresses: [], version: "0.1.0" });
      host.controller.settings.lifetimeMs = lifetimeMs;
      await saveCredentials(folder, expired);
      return expired;
    }

    beforeAll(async () => {
      host = await AgentHost.start();
      container = new TestContainer(host.cgroup);
      container.start(["sleep", "3600"]);
      name = `web-1/${container.id.slice(0, 12)}`;
      stateDir = `${host.stateDir}/carried/${container.id.slice(0, 16)}`;
      expect(await host.startAgent({ containers: true })).toBe("ready");
      await host.until(() => subscriptions().length > 0);
      expect(await connecting()).toBe("connected");
      host.provision(
        1n,
        hostPolicyOf({ modes: { inbound: "observe", outbound: "observe", processes: null } }),
      );
      host.provision(1n, hostPolicyOf({ workload: name }));
      await host.until(() =>
        ["web-1", name].every((whose) =>
          host.controller.statuses.some((one) => one.workload === whose && one.generation === 1n),
        ),
      );
    });
    afterAll(async () => {
      await container.close();
      await host.close();
    });

    test("is enrolled by its host as soon as that is enrolled again, with its policy in force all the time", async () => {
      await host.stopAgent("SIGKILL");
      const expired = await expire(stateDir, name);
      await expire(host.stateDir, "web-1");
      const before = subscriptions().length;
      expect(await host.startAgent({ containers: true })).toBe("ready");
      await host.until(() => host.log.includes("the token was used already"));
      await host.until(() => host.log.includes(`the certificate of \`${name}\` has expired`));
      expect(await connecting()).toBe("refused");
      expect(subscriptions()).toHaveLength(before);

      host.file("token", host.controller.token());
      await host.until(() => subscriptions().length > before);
      expect(subscriptions().at(-1)?.generation).toBe(1n);
      expect(await connecting()).toBe("refused");
      const asked = host.controller.carried.findLast(({ workload }) => workload === name);
      expect(asked?.expiredMs).toBe(BigInt(expiryOf(expired)?.getTime() ?? 0));
      const stored = await loadCredentials(stateDir, Date.now());
      expect(stored?.workload).toBe(name);
    });
  },
);
