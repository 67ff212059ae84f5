import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Level, State } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, policyMessage, sha256Of } from "./testing/agent-host.ts";
import { hostPolicyOf } from "./testing/host-policy.ts";
import { CONTAINER_PORT, TestContainer } from "./testing/test-container.ts";

const OPTIONS = { containers: true, proof: true, proveDatagrams: true };
const PYTHON = realpathSync("/usr/bin/python3");
const ADDRESSES = ["10.90.0.2", "10.90.0.3"] as const;
const SERVE = `import socket, threading
place = ("${ADDRESSES[1]}", ${CONTAINER_PORT})
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(place)
def echo():
    while True:
        datagrams.sendto(*datagrams.recvfrom(100))
threading.Thread(target=echo, daemon=True).start()
s = socket.create_server(place, backlog=16)
print("ready", flush=True)
while True:
    c, _ = s.accept()
    c.close()
`;
/** A datagram is sent again by nobody but its program: a few, until its number is known. */
const CONNECT = `import socket, sys
place = ("${ADDRESSES[1]}", ${CONTAINER_PORT})
def by_datagram():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    for _ in range(6):
        try:
            s.sendto(b"x", place)
            return s.recv(100)
        except OSError: pass
    raise OSError
try:
    if sys.argv[1:] == ["udp"]: by_datagram()
    else: socket.create_connection(place, 8).close()
    print("connected")
except OSError:
    print("refused")
`;

describe.skipIf(whyNoKernelTests("containers-proof.test.ts") !== undefined)(
  "containers of one host that prove their software",
  () => {
    let host: AgentHost;
    let folder: string;
    let hub: string;
    const containers: TestContainer[] = [];
    const nameOf = (container: TestContainer | undefined) => `web-1/${container?.id.slice(0, 12)}`;
    const file = (name: string, text: string) => {
      writeFileSync(`${folder}/${name}`, text);
      return `${folder}/${name}`;
    };

    beforeAll(async () => {
      host = await AgentHost.start();
      folder = mkdtempSync(`${tmpdir()}/ringwall-proof-`);
      hub = `rwhub${randomBytes(3).toString("hex")}`;
      execFileSync("ip", ["netns", "add", hub]);
      execFileSync("ip", ["-n", hub, "link", "add", "br0", "type", "bridge"]);
      execFileSync("ip", ["-n", hub, "link", "set", "br0", "up"]);
      for (const address of ADDRESSES)
        containers.push(new TestContainer(host.cgroup, { address: `${address}/24`, hub }));
      host.controller.settings.provenAt = ADDRESSES;
      file("app.py", CONNECT);
      file("other.py", `${CONNECT}#`);
      file("serve.py", SERVE);
      host.controller.settings.greet = (workload) => {
        if (workload === nameOf(containers[0]))
          return [policyMessage(1n, onlyProved(workload, "outbound", "serve.py"))];
        return workload === nameOf(containers[1])
          ? [policyMessage(1n, onlyProved(workload, "inbound", "app.py"))]
          : [];
      };
      await sleep(30);
      expect(await host.startAgent(OPTIONS)).toBe("ready");
      containers[0]?.start(["sleep", "600"]);
      await containers[1]?.listen([PYTHON, `${folder}/serve.py`]);
      await untilGoverned();
    });
    afterAll(async () => {
      for (const container of containers) await container.close();
      await host.close();
      execFileSync("ip", ["netns", "delete", hub]);
      rmSync(folder, { recursive: true });
    });

    async function untilGoverned(): Promise<void> {
      const told = (container: TestContainer | undefined) =>
        host.controller.statuses.filter(({ workload }) => workload === nameOf(container)).at(-1);
      const governed = () =>
        containers.every(
          (one, i) =>
            told(one)?.generation === 1n && told(one)?.addresses.includes(ADDRESSES[i] ?? "") === true,
        );
      for (let i = 0; i < 2000 && !governed(); i++) await sleep(50);
      expect(governed()).toBe(true);
    }

    /** Allows one direction for what has proved to be that program, and nothing that is known by its address alone. */
    function onlyProved(workload: string, direction: "inbound" | "outbound", program: string) {
      const open = { inbound: "observe", outbound: "observe", processes: null } as const;
      return hostPolicyOf({
        workload,
        modes: { ...open, [direction]: "block" },
        software: {
          program: [
            {
              executable: { sha256: sha256Of(PYTHON) },
              script: { sha256: sha256Of(`${folder}/${program}`) },
            },
          ],
        },
        processSelectors: [{ software: { names: ["program"], not: false } }],
        rules: [
          {
            id: 1,
            name: `test/${program} is the other end`,
            direction,
            action: "allow",
            precedence: "rule",
            immediate: false,
            process: null,
            peer: null,
            ports: null,
            unproved: ["software"],
            remote: [0],
            verifiedRequired: true,
          },
        ],
      });
    }

    /** On a busy machine a program's first number may take longer than its SYN waits for it. */
    async function connected(...how: readonly string[]): Promise<string> {
      let result = "";
      for (let tries = 0; tries < 3 && result !== "connected"; tries++)
        result = (await containers[0]?.run([PYTHON, `${folder}/app.py`, ...how])) ?? "";
      return result;
    }

    test.each([
      ["connections", 6, []],
      ["datagrams", 17, ["udp"]],
    ] as const)(
      "are known by it to each other, in band, under their host's keys: %s",
      async (_, proto, how) => {
        const [client, server] = containers;
        expect(await connected(...how)).toBe("connected");
        expect(await client?.run([PYTHON, `${folder}/other.py`, ...how])).toBe("refused");
        const levels = (container: TestContainer | undefined) =>
          host.controller.flows
            .filter(({ workload }) => workload === nameOf(container))
            .flatMap(({ level, ...rows }) =>
              level.filter((_, i) => rows.proto[i] === proto && rows.state[i] === State.ESTABLISHED),
            );
        const isTold = () => [client, server].every((one) => levels(one).includes(Level.IN_BAND));
        for (let i = 0; i < 200 && !isTold(); i++) await sleep(50);
        // A flow of datagrams begins before its answer says who it is.
        const before = proto === 17 ? [Level.ADDRESS] : [];
        expect(new Set(levels(client))).toEqual(new Set([Level.IN_BAND, ...before]));
        expect(new Set(levels(server))).toEqual(new Set([Level.IN_BAND]));
      },
    );

    /** Of a script here, as the controller has it. */
    function numbered(script: string): readonly [text: string, number: number] {
      const found = [...host.controller.numbers].find(([text]) => text.includes(`/${script}"`));
      if (found === undefined) throw new Error(`${script} has no number`);
      return found;
    }

    test("have their software numbered again by a controller that has lost its number", async () => {
      const { numbers } = host.controller;
      const [app] = numbered("app.py");
      numbers.delete(app);
      host.controller.send({
        case: "proof",
        value: { $typeName: "ringwall.agent.v1.ProofChanged", version: 2n },
      });
      await expect.poll(() => numbers.has(app)).toBe(true);
      expect(await connected()).toBe("connected");
    });

    test("are known by what a number means to the controller now, whatever it meant before", async () => {
      const { numbers } = host.controller;
      const [[app, first], [other, second]] = [numbered("app.py"), numbered("other.py")];
      numbers.set(app, second);
      numbers.set(other, first);
      await host.stopAgent("SIGKILL");
      host.controller.statuses.splice(0);
      expect(await host.startAgent(OPTIONS)).toBe("ready");
      await untilGoverned();
      const meaning = () => {
        const known = JSON.parse(readFileSync(`${host.stateDir}/proof-known.json`, "utf8"));
        return new Map<number, { script: string }>(known.directory).get(second)?.script;
      };
      await expect.poll(meaning).toBe(`${folder}/app.py`);
      // Its own numbers come just after it.
      const run = (script: string) => containers[0]?.run([PYTHON, `${folder}/${script}`]);
      await expect.poll(() => run("app.py")).toBe("connected");
      await expect.poll(() => run("other.py")).toBe("refused");
    });
  },
);
