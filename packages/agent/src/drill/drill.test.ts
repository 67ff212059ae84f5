/** The bypass list with real processes, against the whole agent in block. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { type Canary, canaries, controls, hostCapabilities } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { SLOWNESS, whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { attachDevices } from "../kernel-instance.ts";
import { AgentHost, sha256Of } from "../testing/agent-host.ts";
import { DrillNetwork } from "../testing/drill-network.ts";
import { hostPolicyOf } from "../testing/host-policy.ts";
import { placePrograms, prepareScratch } from "./prepare.ts";
import { commandLineOf, type DrillFiles, PYTHON } from "./programs.ts";
import { withDrill } from "./rules.ts";
import { runCanary } from "./run-canary.ts";

const [, SINK] = DrillNetwork.addresses;
const SETTLE_MS = 150 * SLOWNESS;
const ARRIVED = { timeout: 20_000 * SLOWNESS, interval: 5 };
/** Where an attempt ends that was refused; one that ends elsewhere was not made, and shows nothing. */
const REFUSED_AT = /^(?:socket|connect|send(?:to|msg|mmsg)?)$/;
/** Longer than an attempt needs to hide what it is, shorter than the kernel waits for an agent. */
const AGENT_PAUSE_MS = 400;
/** RW_PROGRAMS=10000 takes minutes; every one is another file that nobody has met. */
const NEW_PROGRAMS = Number(process.env["RW_PROGRAMS"] ?? 1000 / SLOWNESS);
/** Ends what hangs. */
const FLOOD_MS_MAX = (120_000 + 100 * NEW_PROGRAMS) * SLOWNESS;
/** Each its own content, so that each has to be hashed. */
const FLOOD = `
import os, sys
program, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
content = open(program, "rb").read()
os.mkdir(folder)
started = 0
for i in range(count):
    path = folder + "/" + str(i)
    with open(path, "wb") as file: file.write(content + str(i).encode())
    os.chmod(path, 0o755)
    started += os.spawnv(os.P_WAIT, path, [path, "rest"]) == 0
print(started, flush=True)`;

describe.skipIf(whyNoKernelTests("drill.test.ts") !== undefined)("a host in block", () => {
  let network: DrillNetwork;
  let host: AgentHost;
  let files: DrillFiles;
  let folder: string;
  let sink: ChildProcess;
  let port = 0;
  let attempts = 0;
  const arrived = new Set<string>();

  beforeAll(async () => {
    network = new DrillNetwork();
    folder = mkdtempSync(`${tmpdir()}/ringwall-drill-`);
    mkdirSync(`${folder}/programs`);
    files = await placePrograms(`${folder}/programs`);
    chmodSync(folder, 0o755);
    sink = spawn(
      "nsenter",
      [`--net=${network.path(1)}`, files.decoy, "listen", SINK, String(FLOOD_MS_MAX / 1000)],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const lines = createInterface({ input: sink.stdout as NodeJS.ReadableStream });
    port = await new Promise<number>((resolve) =>
      lines.on("line", (line) => {
        const [what, value = ""] = line.split(" ");
        if (what === "ready") resolve(Number(value));
        else arrived.add(value);
      }),
    );
    host = await AgentHost.start();
    expect(await host.startAgent()).toBe("ready");
    // As for a container: its own network is another one.
    await attachDevices(host.pinDir, { netns: network.path(0) });
    await host.until(() => host.controller.subscriptions.length > 0);
    const software = [
      { executable: { sha256: sha256Of(files.decoy) } },
      {
        executable: { sha256: sha256Of(realpathSync(PYTHON)) },
        script: { sha256: sha256Of(files.decoyScript) },
      },
    ];
    const rules = {
      side: "sender",
      peer: SINK,
      senderPort: port,
      receiverPort: 0,
      proves: false,
      software,
    } as const;
    host.provision(1n, withDrill(hostPolicyOf(), rules));
    await host.until(() => host.status?.generation === 1n);
  });
  afterAll(async () => {
    sink?.kill("SIGKILL");
    await host?.close();
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const enter = (argv: readonly string[]) => [
    "/bin/sh",
    "-c",
    'echo $$ > "$0/cgroup.procs" && netns=$1 && shift && exec nsenter --net="$netns" "$@"',
    host.cgroup,
    network.path(0),
    ...argv,
  ];
  /** What this kernel gives, as the controller is told. */
  const features = () => {
    const told = hostCapabilities.parse(JSON.parse(host.status?.capabilities ?? "{}"));
    return new Set(told.features.filter(({ available }) => available).map(({ name }) => name));
  };
  /** What is let through is waited for; of what is refused nothing may have come by then. */
  const attempt = async (canary: Canary, isAllowed = false) => {
    const token = `${canary.id}-${attempts++}`;
    const scratch = `${folder}/${token}`;
    await prepareScratch(canary, files, scratch);
    const line = commandLineOf(canary, files, { address: SINK, port }, token, scratch);
    const told = await runCanary(line, enter);
    if (isAllowed) await vi.waitUntil(() => arrived.has(token), ARRIVED);
    else await sleep(SETTLE_MS);
    return { arrived: arrived.has(token), told };
  };

  test.each(controls)("lets through: $tries", async (control) => {
    expect(await attempt(control, true)).toMatchObject({ arrived: true, told: { kind: "end", errno: 0 } });
  });

  test.for(canaries.filter((one) => one.open === null))("refuses: $tries", async (canary, { skip }) => {
    const { arrived, told } = await attempt(canary);
    expect(arrived).toBe(false);
    if (told.kind === "skipped") return skip(told.why);
    expect(told).toMatchObject({ kind: "end", step: expect.stringMatching(REFUSED_AT) });
  });

  test.each(canaries.filter(({ id }) => /^script-(?:swap|take)/.test(id)))(
    "refuses while its agent is slow: $tries",
    async (canary) => {
      const { agent } = host;
      agent?.kill("SIGSTOP");
      const seen = attempt(canary);
      await sleep(AGENT_PAUSE_MS);
      agent?.kill("SIGCONT");
      expect((await seen).arrived).toBe(false);
    },
  );

  test(
    `refuses while ${NEW_PROGRAMS} new programs start, and lets the allowed one through afterwards`,
    async () => {
      const argv = [PYTHON, "-c", FLOOD, files.decoy, `${folder}/flood`, String(NEW_PROGRAMS)];
      const [command = "", ...args] = enter(argv);
      const flood = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
      const started = text(flood.stdout);
      let over = false;
      flood.once("close", () => {
        over = true;
      });
      for (let round = 0; !over; round++)
        for (const id of ["udp", "tcp", "exec-chain", "memfd"]) {
          const canary = canaries.find((one) => one.id === id);
          if (canary === undefined) throw new Error(`the table has no ${id}`);
          const seen = await attempt(canary);
          expect([id, round, seen.arrived]).toEqual([id, round, false]);
        }
      expect(Number(await started)).toBe(NEW_PROGRAMS);
      const [control] = controls;
      if (control === undefined) throw new Error("the table has no control");
      expect(await attempt(control, true)).toMatchObject({ arrived: true });
    },
    FLOOD_MS_MAX,
  );

  test.each(canaries.filter((one) => one.open !== null))(
    "refuses by a feature that closes it, and by nothing else: $tries",
    async (canary) => {
      const isClosed = canary.open?.closedBy.some((feature) => features().has(feature)) ?? false;
      expect((await attempt(canary, !isClosed)).arrived).toBe(!isClosed);
    },
  );
});
