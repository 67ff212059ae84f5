/** Listeners that are older than the programs, and the proof in their answers. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { remote } from "./generated/layout.ts";
import { TestHost, wire } from "./testing/host.ts";
import { subjects } from "./testing/policies.ts";
import { connect, serve } from "./testing/programs.ts";
import { newPair, onlyProved, setKeys, turnOn } from "./testing/proofs.ts";
import { LOADER_PATH, whyNotAlone } from "./testing/requirements.ts";

const CLIENT = 11;
const SERVER = 21;
const PORT = 8000;
const NUMBERS = [CLIENT, SERVER].map((one) => ({ number: 1000 + one, remote: remote.first }));

// The programs of another agent, attached above, would see the listener before those of the test.
const skipped = whyNotAlone("proof-older.test.ts") !== undefined;
let a: TestHost;
let b: TestHost;
let server: ChildProcess | undefined;

beforeAll(() => {
  if (skipped) return;
  a = new TestHost("a");
  b = new TestHost("b");
  wire(a, b);
});
afterAll(async () => {
  if (skipped) return;
  server?.kill("SIGKILL");
  await a.close();
  await b.close();
});

/** A server that listens while no programs are loaded, as where an agent is set up later; its process is found in /proc. */
async function startBeforePrograms(): Promise<void> {
  b.unload();
  const enter = 'echo $$ > "$0/cgroup.procs" && netns=$1 && shift && exec nsenter --net="$netns" "$@"';
  const netns = `/run/netns/${b.name}`;
  server = spawn("bash", ["--norc", "-c", enter, b.cgroup, netns, ...serve("10.77.0.2", PORT)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  server.stdin?.write("\n");
  for await (const _ of server.stdout ?? []) break;
  b.reload();
  const tgid = server.pid ?? 0;
  const cgroupId = statSync(b.cgroup, { bigint: true }).ino;
  const process = { execNs: b.kernel.bootNs(), execTgid: tgid, exeId: SERVER, scriptId: 0 };
  const flags = { pending: false, agent: false, unattributable: false };
  b.kernel.seedTask(tgid, { ...process, cgroupId, ppid: 1, ...flags });
  b.kernel.setIdentity({ exeId: SERVER, scriptId: 0, uid: 0, cgroupId }, SERVER);
  b.kernel.setListener(6, PORT, { ...process, cgroupId, tgid, uid: 0, ...flags });
}

test.skipIf(skipped)("a listener older than the programs proves itself once it is told to", async () => {
  await startBeforePrograms();
  for (const host of [a, b]) {
    for (const identity of [CLIENT, SERVER]) host.kernel.proof.setNumber(identity, 1000 + identity);
    turnOn(host);
  }
  setKeys(a, b, newPair());
  const policy = (direction: "in" | "out", subject: number) => ({
    policies: onlyProved(direction, subject),
    subjects: subjects(subject),
    remotes: NUMBERS,
  });
  await a.provision({ modeOut: "block", ...policy("out", CLIENT) });
  await b.provision({ modeIn: "block", ...policy("in", SERVER) });
  const ask = () => a.ask<{ errno: number }>(connect("10.77.0.2", PORT, { timeoutS: 6 }), CLIENT);

  expect((await ask()).errno).not.toBe(0);
  const netns = `/run/netns/${b.name}`;
  const said = execFileSync(LOADER_PATH, ["listeners", "--pin", b.pin, "--netns", netns]).toString();
  if (!b.has("prove_listeners")) {
    // An older kernel, which the agent tells its peers of.
    expect(said).toBe("");
    return;
  }
  expect(said).toBe(`${PORT}\n`);
  await a.flows();
  expect((await ask()).errno).toBe(0);
  expect(await a.flows()).toContainEqual(
    expect.objectContaining({ state: "established", level: "inBand", direction: "out" }),
  );
});
