/** Waiting for others and raw sockets, through the whole agent up to what its controller is told. */
import { realpathSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Direction, type FlowBatch, State, Verdict } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { hostPolicyOf } from "./testing/host-policy.ts";

const PYTHON = realpathSync("/usr/bin/python3");
/** On the machine's own loopback: below what the kernel gives to those who ask for any port. */
const PORT = 7391;
const NOBODY = "0".repeat(32);
const NOBODY_V4 = `${"0".repeat(20)}ffff${"0".repeat(8)}`;
/** Mostly long enough for the agent to know it: unknown software's waiting is not judged. */
const KNOWN = "import time; time.sleep(0.6)\n";
const WAIT = `${KNOWN}import socket, sys
kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
try:
    s = socket.socket(socket.AF_INET, kind)
    s.bind(("0.0.0.0", int(sys.argv[2])))
    if sys.argv[1] == "tcp": s.listen(1)
    print("waits")
except OSError as problem: print("refused", problem.errno)
`;
const RAW = `${KNOWN}import socket
try:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 89)
    print("made")
except OSError as problem: print("refused", problem.errno)
`;

describe.skipIf(whyNoKernelTests("sockets.test.ts") !== undefined)("what an agent tells of sockets", () => {
  let host: AgentHost;
  beforeAll(async () => {
    host = await AgentHost.start();
  });
  afterAll(() => host.close());

  async function until(what: () => boolean): Promise<void> {
    for (let i = 0; i < 3000 && !what(); i++) await sleep(20);
    if (!what()) throw new Error(`never came true: ${what}\n${host.log}`);
  }
  const rowsOf = (batch: FlowBatch) =>
    batch.proto.map((proto, row) => ({
      proto,
      port: batch.port[row],
      peer: Buffer.from(batch.peerAddress.subarray(row * 16, row * 16 + 16)).toString("hex"),
      direction: batch.direction[row],
      state: batch.state[row],
      verdict: batch.verdict[row],
      alert: batch.alert[row],
      rule: batch.rules[(batch.rule[row] ?? 0) - 1],
      script: batch.processes[(batch.process[row] ?? 0) - 1]?.script,
    }));
  const rows = () => host.controller.flows.flatMap(rowsOf);

  test("refused waiting and refused raw sockets are flows with rule and program; who is let in may wait", async () => {
    const server = host.file("server.py", WAIT);
    const stranger = host.file("stranger.py", `# another\n${WAIT}`);
    const raw = host.file("raw.py", RAW);
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    const entry = { executable: { sha256: [sha256Of(PYTHON)] }, script: { sha256: [sha256Of(server)] } };
    const policy = hostPolicyOf({
      modes: { inbound: "block", outbound: "block", processes: null },
      software: { server: [entry] },
      processSelectors: [{ software: { names: ["server"], not: false } }],
      addressSets: [{ include: ["10.0.0.0/8"], exclude: [] }],
      rules: [
        {
          ...{ id: 1, name: "test/clients reach the server", direction: "inbound", action: "allow" },
          ...{ precedence: "rule", immediate: false, process: 0, peer: 0, unproved: [] },
          ports: [{ proto: "tcp", from: PORT, to: PORT }],
        },
      ],
    });
    host.provision(1n, policy);
    await until(() => host.status?.generation === 1n);
    const run = async (...argv: string[]) => (await host.run([PYTHON, ...argv])).output.trim();
    expect(await run(server, "tcp", String(PORT))).toBe("waits");
    for (const argv of [[stranger, "tcp", String(PORT)], [stranger, "udp", "5355"], [raw]])
      await expect.poll(() => run(...argv)).toBe("refused 1");
    const denied = { state: State.DENIED, verdict: Verdict.BLOCKED, alert: true };
    const waiting = { ...denied, direction: Direction.INBOUND, peer: NOBODY_V4, script: stranger };
    const wanted = [
      { ...waiting, proto: 6, port: PORT, rule: "listen/denied by default" },
      { ...waiting, proto: 17, port: 5355, rule: "listen/denied by default" },
      {
        ...denied,
        direction: Direction.OUTBOUND,
        peer: NOBODY,
        script: raw,
        proto: 255,
        port: 0,
        rule: undefined,
      },
    ];
    await until(() => rows().filter(({ script }) => script === stranger || script === raw).length >= 3);
    for (const one of wanted) expect(rows()).toContainEqual(one);
    expect(rows().filter(({ script }) => script === server)).toEqual([]);
  });
});
