import { cpSync, existsSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostPolicy } from "@ringwall/policy/lower";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { agentPlan, agentStatus, uninstallAgent } from "./index.ts";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { CONNECT, PYTHON } from "./testing/connecting.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";

const SERVE = `
import os, socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(8)
s.settimeout(0.1)
open(sys.argv[1] + ".new", "w").write(str(s.getsockname()[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
while not os.path.exists(sys.argv[0] + ".stop"):
    try:
        c, _ = s.accept()
        c.sendall(b"hello")
        c.close()
    except TimeoutError:
        pass
`;

/** What a client outside the control group gets from a port. */
function knock(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host: "127.0.0.1", port });
    const limit = setTimeout(() => socket.destroy(), 2500);
    socket.on("data", (data) => {
      text += data;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(limit);
      resolve(text);
    });
  });
}

describe.skipIf(whyNoKernelTests("agent.test.ts") !== undefined)("the whole agent", () => {
  let host: AgentHost;
  let script: string;
  let allowed: HostPolicy;

  beforeEach(async () => {
    host = await AgentHost.start();
    script = host.file("app.py", CONNECT);
    // Older than any process that runs it by more than a clock tick.
    await sleep(30);
    const entry = { executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(script) } };
    allowed = hostPolicyOf(allowSoftware("app", entry));
  });
  afterEach(() => host.close());

  async function until(what: () => boolean | undefined, tries = 3000): Promise<void> {
    for (let i = 0; i < tries; i++) {
      if (what()) return;
      await sleep(20);
    }
    throw new Error(
      `never came true: ${what}\n${host.log}\n${JSON.stringify(host.status, (_k, v) => String(v))}`,
    );
  }
  async function inForce(generation: bigint): Promise<void> {
    await until(() => host.status?.generation === generation);
  }
  const run = (path: string, environment = {}) => host.run([PYTHON, path, String(host.port)], environment);

  test("allows the one script, and refuses its neighbour, its copy under another interpreter, and injected code", async () => {
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    host.provision(1n, allowed);
    await inForce(1n);

    expect((await run(script)).output).toBe("connected\n");
    const other = host.file("other.py", `${CONNECT}#`);
    expect((await run(other)).output).toContain("refused");
    expect((await host.run([PYTHON, "-c", CONNECT, String(host.port)])).output).toContain("refused");
    expect((await run(script, { PYTHONPATH: "/tmp/evil" })).output).toContain("refused");
    // A relative path, a #! line and -u are the same program.
    expect((await host.run([PYTHON, "-u", "app.py", String(host.port)])).output).toBe("connected\n");

    const flows = () =>
      host.controller.flows.flatMap((batch) =>
        batch.port.map((port, row) => ({
          port,
          script: batch.processes[(batch.process[row] ?? 0) - 1]?.script,
          verdict: batch.verdict[row],
          rule: batch.rules[(batch.rule[row] ?? 0) - 1],
        })),
      );
    await until(() => flows().some((flow) => flow.script === script && flow.verdict === 1));
    await until(() => flows().some((flow) => flow.script === other && flow.verdict === 3));
    expect(flows().find((flow) => flow.script === script && flow.verdict === 1)?.rule).toBe(
      "test/app may connect",
    );
    await until(() =>
      host.controller.execs.some((batch) => batch.execs.some((exec) => exec.process?.script === script)),
    );
  });

  test("a copy of the interpreter with one byte changed, and one that stands in its place, are other programs", async () => {
    const genuine = `${host.folder}/interpreter`;
    cpSync(PYTHON, genuine);
    await sleep(30);
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    const entry = { executable: { path: genuine, sha256: sha256Of(genuine) } };
    host.provision(1n, hostPolicyOf(allowSoftware("interpreter", entry)));
    await inForce(1n);
    const argv = (path: string) => [path, script, String(host.port)];
    expect((await host.run(argv(genuine))).output).toBe("connected\n");

    const changed = `${host.folder}/changed`;
    cpSync(genuine, changed);
    writeFileSync(changed, Buffer.concat([readFileSync(genuine), Buffer.from([0])]));
    expect((await host.run(argv(changed))).output).toContain("refused");
    renameSync(changed, genuine);
    expect((await host.run(argv(genuine))).output).toContain("refused");
  });

  test("killed, it leaves its policy in force; restarted, it takes over without a gap", async () => {
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    host.provision(1n, allowed);
    await inForce(1n);
    const longLived = host.file(
      "long.py",
      CONNECT.replace("try:", "while not os.path.exists(sys.argv[2]): time.sleep(0.02)\ntry:"),
    );
    const go = `${host.folder}/go`;
    await sleep(30);
    const entry = { executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(longLived) } };
    host.provision(2n, hostPolicyOf(allowSoftware("long", entry)));
    await inForce(2n);
    const running = host.run([PYTHON, longLived, String(host.port), go]);
    await until(() =>
      host.controller.execs.some((batch) => batch.execs.some((exec) => exec.process?.script === longLived)),
    );

    await host.stopAgent("SIGKILL");
    expect((await run(script)).output).toContain("refused");
    host.file("go", "");
    expect((await running).output).toBe("connected\n");
    expect(await agentStatus(host)).toMatchObject({
      pid: null,
      enforced: { generation: "2", outbound: "block" },
    });

    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.some(({ generation }) => generation === 2n));
    expect((await run(script)).output).toContain("refused");
    expect((await host.run([PYTHON, longLived, String(host.port), go])).output).toBe("connected\n");
  });

  test("puts programs back whose pins were removed, and says so", async () => {
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    host.provision(1n, allowed);
    await inForce(1n);
    const other = host.file("other.py", `${CONNECT}#`);
    expect((await run(other)).output).toContain("refused");
    for (const name of ["connect4", "egress"]) rmSync(`${host.pinDir}/links/${name}`);
    await until(() => host.status?.problem.includes("taken out of the kernel"));
    await until(
      () => existsSync(`${host.pinDir}/links/connect4`) && existsSync(`${host.pinDir}/links/egress`),
    );
    expect((await run(other)).output).toContain("refused");
    expect((await run(script)).output).toBe("connected\n");
  });

  test("refuses to take over the pins of a living agent, whose enforcement goes on", async () => {
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    host.provision(1n, allowed);
    await inForce(1n);
    const first = host.agent;
    const second = await host.startAgent({ stateDir: `${host.folder}/other-state` });
    host.agent = first;
    expect(second).toMatchObject({ code: 2 });
    expect(JSON.stringify(second)).toContain("is at work on");
    expect(await agentStatus(host)).toMatchObject({ enforced: { generation: "1", outbound: "block" } });
    expect((await run(script)).output).toBe("connected\n");
    expect((await run(host.file("stranger.py", `${CONNECT}# another one\n`))).output).toContain("refused");
  });

  test("puts an unconfirmed policy back by itself, with the controller away and the agent killed meanwhile", async () => {
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    host.provision(1n, allowed);
    await inForce(1n);
    host.provision(2n, hostPolicyOf(), 5);
    await until(() => host.status?.unconfirmedGeneration === 2n);
    expect((await run(script)).output).toContain("refused");
    await host.stopAgent("SIGKILL");
    await host.controller.close();
    expect(await host.startAgent()).toBe("ready");
    const report = async () => (await agentStatus(host)).report;
    for (let i = 0; i < 3000 && (await report())?.generation !== "1"; i++) await sleep(20);
    expect(await report()).toMatchObject({ generation: "1", unconfirmedGeneration: "0" });
    expect((await report())?.problem).toContain("nobody confirmed it in time");
    expect((await run(script)).output).toBe("connected\n");
  });

  test("a confirmed policy stays, a stale, foreign or too large one changes nothing and is told", async () => {
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    host.provision(5n, allowed, 6);
    await until(() => host.status?.unconfirmedGeneration === 5n);
    host.controller.send({
      case: "confirm",
      value: { $typeName: "ringwall.agent.v1.Confirm", generation: 5n },
    });
    await until(() => host.status?.generation === 5n && host.status.unconfirmedGeneration === 0n);
    await sleep(6500);
    for (const [generation, policy, words] of [
      [4n, hostPolicyOf(), "not above 5"],
      [6n, hostPolicyOf({ workload: "db-1" }), "policy of `db-1`"],
      [
        7n,
        hostPolicyOf({ selfAddresses: new Array(1_140_000).fill("10.0.0.1/32") }),
        "the limit is 15728640",
      ],
    ] as const) {
      host.provision(generation, policy);
      await until(() => host.status?.problem.includes(words));
    }
    expect(host.status?.generation).toBe(5n);
    expect((await run(script)).output).toBe("connected\n");
    expect(await agentPlan(host)).toContain("generation 5 -> 5");
  });

  test.each([
    ["by the kernel's iterator", {}],
    ["by /proc, where there is none", { without: "dump_tasks" }],
  ])("what is older than the agent, connects or listens, is known by its name %s", async (_, options) => {
    const client = host.file(
      "client.py",
      CONNECT.replace("try:", "while not os.path.exists(sys.argv[2]): time.sleep(0.02)\ntry:"),
    );
    const server = host.file("server.py", SERVE);
    const neighbour = host.file("neighbour.py", `${SERVE}#`);
    await sleep(30);
    const go = `${host.folder}/go`;
    const running = host.run([PYTHON, client, String(host.port), go]);
    const servers = [server, neighbour].map((path) => host.run([PYTHON, path, `${path}.port`]));
    await until(() => existsSync(`${server}.port`) && existsSync(`${neighbour}.port`));
    await sleep(100);

    expect(await host.startAgent(options)).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    const script = (path: string) => ({
      executable: { sha256: sha256Of(PYTHON) },
      script: { sha256: sha256Of(path) },
    });
    const out = allowSoftware("client", script(client));
    const rule = out.rules?.[0];
    if (rule === undefined) throw new Error("no rule");
    host.provision(
      1n,
      hostPolicyOf({
        modes: { inbound: "block", outbound: "block", processes: null },
        software: { ...out.software, server: [script(server)] },
        processSelectors: [
          { software: { names: ["client"], not: false } },
          { software: { names: ["server"], not: false } },
        ],
        rules: [rule, { ...rule, id: 2, name: "test/to the server", direction: "inbound", process: 1 }],
      }),
    );
    await inForce(1n);
    host.file("go", "");
    expect((await running).output).toBe("connected\n");
    expect(await knock(Number(readFileSync(`${server}.port`, "utf8")))).toBe("hello");
    expect(await knock(Number(readFileSync(`${neighbour}.port`, "utf8")))).not.toBe("hello");
    await until(() => host.status?.listeners.some((listener) => listener.process?.script === server));
    host.file("server.py.stop", "");
    host.file("neighbour.py.stop", "");
    await Promise.all(servers);
  });

  test("names scripts of every interpreter as they run them, and code without a file as such", async () => {
    const shell = host.file("wait.sh", "sleep 2\n");
    const node = host.file("wait.js", "setTimeout(() => 0, 2000);\n");
    const perl = host.file("wait.pl", "select undef, undef, undef, 2;\n");
    const shebang = host.file("wait", "#!/usr/bin/env python3\nimport time; time.sleep(2)\n");
    const awk = host.file("wait.awk", '#!/usr/bin/mawk -f\nBEGIN { system("sleep 2") }\n');
    const memfd = host.file(
      "memfd.py",
      `import os
fd = os.memfd_create("evil")
os.write(fd, open("/bin/sleep", "rb").read())
os.execv(f"/proc/self/fd/{fd}", ["sleep", "2"])
`,
    );
    await sleep(30);
    expect(await host.startAgent()).toBe("ready");
    await Promise.all([
      host.run(["/bin/bash", "-eu", "wait.sh"]),
      host.run([process.execPath, "--no-warnings", "./wait.js"]),
      host.run(["/usr/bin/perl", "-w", perl]),
      host.run([shebang]),
      host.run([awk]),
      host.run([PYTHON, memfd]),
      host.run([PYTHON, "-c", "import time; time.sleep(2)"]),
    ]);
    const seen = () =>
      host.controller.execs
        .flatMap((batch) => batch.execs.map(({ process: who }) => who))
        .map((who) => ({
          exe: who?.exe ?? "",
          script: who?.script,
          digest: who?.scriptSha256,
          unattributable: who?.unattributable,
        }));
    const script = (path: string) => ({ script: path, digest: sha256Of(path), unattributable: "" });
    const wanted = [
      { exe: realpathSync("/bin/bash"), ...script(shell) },
      { exe: realpathSync(process.execPath), ...script(node) },
      { exe: "/usr/bin/perl", ...script(perl) },
      { exe: PYTHON, ...script(shebang) },
      { exe: "/usr/bin/mawk", ...script(awk) },
      { exe: "/memfd:evil", script: "", digest: "", unattributable: "memfd" },
      { exe: PYTHON, script: "", digest: "", unattributable: "inline" },
    ];
    const has = (one: (typeof wanted)[number]) =>
      seen().some((other) => JSON.stringify(other) === JSON.stringify(one));
    // All that were found are in one report or the next.
    for (let tries = 0; tries < 3000 && !wanted.every(has); tries++) await sleep(20);
    for (const one of wanted) expect(seen()).toContainEqual(one);
  });

  test("a preloaded library makes a program another one", async () => {
    expect(await host.startAgent()).toBe("ready");
    await until(() => host.controller.subscriptions.length > 0);
    const curl = realpathSync("/usr/bin/curl");
    host.provision(1n, hostPolicyOf(allowSoftware("curl", { executable: { sha256: sha256Of(curl) } })));
    await inForce(1n);
    const fetch = (environment = {}) =>
      host.run([curl, "-s", "--http0.9", "--max-time", "8", `http://127.0.0.1:${host.port}/`], environment);
    for (let round = 0; round < 3; round++) {
      expect((await fetch()).output).toBe("hello");
      expect((await fetch({ LD_PRELOAD: "/usr/lib/x86_64-linux-gnu/libc.so.6" })).output).toBe("");
    }
  });

  test("uninstall leaves nothing, and is refused while the agent runs", async () => {
    expect(await host.startAgent()).toBe("ready");
    await expect(uninstallAgent(host)).rejects.toThrow("still runs");
    const first = host.agent;
    expect(await host.startAgent()).toMatchObject({
      code: 2,
      output: expect.stringContaining("already runs"),
    });
    host.agent = first;
    await host.stopAgent("SIGKILL");
    expect(existsSync(host.pinDir)).toBe(true);
    await uninstallAgent(host);
    expect([existsSync(host.pinDir), existsSync(host.stateDir)]).toEqual([false, false]);
    expect(await agentStatus(host)).toEqual({ pid: null, enforced: null, report: null });
    expect((await run(script)).output).toBe("connected\n");
  });

  test("an agent that can't enrol says why and loads nothing", async () => {
    const ran = await host.startAgent({ tokenFile: host.file("bad", "nonsense") });
    expect(ran).toMatchObject({ code: 2, output: expect.stringContaining("token-invalid") });
    expect(existsSync(host.pinDir)).toBe(false);
    expect(await host.startAgent({ stateDir: "/dev/null/x" })).toMatchObject({
      code: 2,
      output: expect.stringContaining("state-unwritable"),
    });
    expect(await host.startAgent({ cgroup: "/tmp" })).toMatchObject({
      code: 2,
      output: expect.stringContaining("no-cgroup"),
    });
  });
});
