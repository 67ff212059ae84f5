import { createSocket, type Socket } from "node:dgram";
import { realpathSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, policyMessage, sha256Of } from "./testing/agent-host.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";
import { PROGRAMS } from "./testing/interpreter-programs.ts";
import { TestContainer } from "./testing/test-container.ts";

const PYTHON = realpathSync("/usr/bin/python3");
/** Sends until it is answered, or its own policy has refused it for as many seconds as it is told. */
const SEND = `import os, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.05)
peer = ("127.0.0.1", int(os.environ["RW_PORT"]))
if sys.argv[2] == "connected":
    s.connect(peer)
result = "silent"
end = time.monotonic() + float(sys.argv[3])
while result == "silent" and time.monotonic() < end:
    try:
        s.send(sys.argv[1].encode()) if sys.argv[2] == "connected" else s.sendto(sys.argv[1].encode(), peer)
        s.recv(16)
        result = "answered"
    except OSError:
        time.sleep(0.02)
print(result)
`;
const HEAR = `import os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(os.environ["RW_PORT"])))
s.settimeout(4)
try:
    s.recv(16)
    print("heard")
except OSError:
    print("silent")
`;

describe.skipIf(whyNoKernelTests("containers-fresh.test.ts") !== undefined)(
  "a container that was just made",
  () => {
    let host: AgentHost;
    let app: string;
    let other: string;
    let sender: string;
    let echo: Socket;
    const heard = new Set<string>();
    const containers: TestContainer[] = [];
    const fresh = () => {
      const container = new TestContainer(host.cgroup);
      containers.push(container);
      return container;
    };
    const allowed = () => {
      const scripts = [app, sender].map((file) => ({ script: { sha256: sha256Of(file) } }));
      const [first, ...more] = scripts.map((one) => ({ executable: { sha256: sha256Of(PYTHON) }, ...one }));
      const parts = allowSoftware("app", first ?? {});
      return { ...parts, software: { app: [...(parts.software?.["app"] ?? []), ...more] } };
    };
    const modes = { inbound: "block", outbound: "block", processes: null } as const;
    const counter = () => host.status?.counters["pendingDatagrams"] ?? 0n;

    beforeAll(async () => {
      host = await AgentHost.start();
      app = host.file("app.py", PROGRAMS.python);
      other = host.file("other.py", `${PROGRAMS.python}#`);
      sender = host.file("sender.py", SEND);
      host.file("stranger.py", `${SEND}#`);
      host.file("hear.py", HEAR);
      echo = createSocket("udp4");
      echo.on("message", (text, { port, address }) => {
        heard.add(String(text));
        echo.send("yes", port, address);
      });
      await new Promise<void>((resolve) => echo.bind(0, "127.0.0.1", resolve));
      host.controller.settings.greet = (workload) =>
        workload === "web-1" ? [] : [policyMessage(1n, hostPolicyOf({ ...allowed(), modes, workload }))];
      await sleep(30);
      expect(await host.startAgent({ containers: true })).toBe("ready");
      // The host itself is governed by nobody.
      expect((await host.run([PYTHON, other], { RW_PORT: String(host.port) })).output.trim()).toBe(
        "connected",
      );
    });
    afterAll(async () => {
      for (const container of containers) await container.close();
      echo.close();
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

    test.each(["connected", "unconnected"])(
      "%s datagrams wait for its own policy too: those it refuses never leave, those it allows are answered",
      async (how) => {
        const port = String(echo.address().port);
        heard.clear();
        for (let i = 0; i < 2; i++) {
          const stranger = `${host.folder}/stranger.py`;
          expect(await fresh().run([PYTHON, stranger, "stranger", how, "4"], port)).toBe("silent");
          expect(await fresh().run([PYTHON, sender, "app", how, "20"], port)).toBe("answered");
        }
        expect([...heard]).toEqual(["app"]);
      },
      60_000,
    );

    test("what others send to it is not let in by the host's policy", async () => {
      const before = counter();
      const port = echo.address().port + 1;
      const flood = setInterval(() => echo.send("knock", port, "127.0.0.1"), 5);
      try {
        expect(await fresh().run([PYTHON, `${host.folder}/hear.py`], String(port))).toBe("silent");
      } finally {
        clearInterval(flood);
      }
      for (let i = 0; i < 3000 && counter() === before; i++) await sleep(20);
      expect(counter()).toBeGreaterThan(before);
    });

    test("a new control group that is no container is the host's, and waits for nothing", async () => {
      const unit = new TestContainer(host.cgroup, { name: "a.service" });
      containers.push(unit);
      expect(await unit.run([PYTHON, other], String(host.port))).toBe("connected");
    });
  },
);
