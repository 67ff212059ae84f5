/** `established: cut`, from the policy that the controller sends to the connection that ends. */
import { existsSync, realpathSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";

const PYTHON = realpathSync("/usr/bin/python3");
/** Connects, says so in a file, and waits for what comes of it. */
const HOLD = `
import errno, os, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=8)
open(sys.argv[2], "w").close()
try:
    print("closed" if s.recv(1) == b"" else "data")
except OSError as problem:
    print(errno.errorcode.get(problem.errno, "timeout"))
`;
const TRIES = 600;

describe.skipIf(whyNoKernelTests("agent-cut.test.ts") !== undefined)("an agent", () => {
  let host: AgentHost;
  const silent = createServer((socket) => socket.on("error", () => undefined));
  beforeEach(async () => {
    host = await AgentHost.start();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    silent.close();
    await host.close();
  });

  async function until(what: () => boolean | undefined): Promise<void> {
    for (let i = 0; i < TRIES; i++) {
      if (what()) return;
      await sleep(20);
    }
    throw new Error(`never came true: ${what}\n${host.log}`);
  }

  test("cuts what is open when a revision with `established: cut` denies it, and tells why", async () => {
    const script = host.file("hold.py", HOLD);
    await sleep(30);
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    const entry = { executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(script) } };
    host.provision(1n, hostPolicyOf(allowSoftware("app", entry)));
    await until(() => host.status?.generation === 1n);

    const opened = `${host.folder}/opened`;
    // A TCP server has an address with a port.
    const { port } = silent.address() as AddressInfo;
    const running = host.run([PYTHON, script, String(port), opened]);
    await until(() => existsSync(opened));
    host.provision(2n, hostPolicyOf({ established: "cut" }));
    await until(() => host.status?.generation === 2n);

    expect((await running).output).toBe("ECONNABORTED\n");
    await until(() => host.log.includes("1 open connections were cut"));
    const rules = () => host.controller.flows.flatMap((batch) => batch.rules);
    await until(() => rules().includes("established/cut by default"));
  });
});
