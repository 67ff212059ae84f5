import { realpathSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, policyMessage, sha256Of } from "./testing/agent-host.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";
import { PROGRAMS } from "./testing/interpreter-programs.ts";
import { TestContainer } from "./testing/test-container.ts";

const PYTHON = realpathSync("/usr/bin/python3");

describe.skipIf(whyNoKernelTests("containers-fresh.test.ts") !== undefined)(
  "a container that was just made",
  () => {
    let host: AgentHost;
    let app: string;
    let other: string;
    const containers: TestContainer[] = [];
    const fresh = () => {
      const container = new TestContainer(host.cgroup);
      containers.push(container);
      return container;
    };
    const allowed = () =>
      allowSoftware("app", { executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(app) } });

    beforeAll(async () => {
      host = await AgentHost.start();
      app = host.file("app.py", PROGRAMS.python);
      other = host.file("other.py", `${PROGRAMS.python}#`);
      host.controller.settings.greet = (workload) =>
        workload === "web-1" ? [] : [policyMessage(1n, hostPolicyOf({ ...allowed(), workload }))];
      await sleep(30);
      expect(await host.startAgent({ containers: true })).toBe("ready");
      // The host itself is governed by nobody.
      expect((await host.run([PYTHON, other], { RW_PORT: String(host.port) })).output.trim()).toBe(
        "connected",
      );
    });
    afterAll(async () => {
      for (const container of containers) await container.close();
      await host.close();
    });

    test("is judged by its own policy from its first packet on: what is allowed waits and sees no error", async () => {
      const port = String(host.port);
      for (let i = 0; i < 5; i++) {
        expect(await fresh().run([PYTHON, app], port)).toBe("connected");
        expect(await fresh().run([PYTHON, other], port)).toBe("refused");
      }
    });

    test("so are programs in control groups within it", async () => {
      const container = fresh();
      const inner = new TestContainer(container.cgroup);
      expect(
        await Promise.all([
          inner.run([PYTHON, app], String(host.port)),
          inner.run([PYTHON, other], String(host.port)),
        ]),
      ).toEqual(["connected", "refused"]);
      await inner.close();
    });

    test("a new control group that is no container is the host's, and waits for nothing", async () => {
      const unit = new TestContainer(host.cgroup, { name: "a.service" });
      containers.push(unit);
      expect(await unit.run([PYTHON, other], String(host.port))).toBe("connected");
    });
  },
);
