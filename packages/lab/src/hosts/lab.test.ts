import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { whyNot } from "../requirements.ts";
import { labRoot, processesIn } from "./cgroup.ts";
import { type Lab, openLab } from "./lab.ts";
import { sweepLeftovers } from "./leftovers.ts";
import { setLink } from "./namespace.ts";

const missing = whyNot();
if (missing !== null) console.warn(`skipped: hosts of the lab: ${missing}`);

/** The network namespaces that have a name on this machine, by their inodes; tests that run beside this one make some. */
const namedNamespaces = () =>
  (existsSync("/run/netns") ? readdirSync("/run/netns") : []).flatMap(
    (name) => statSync(`/run/netns/${name}`, { throwIfNoEntry: false })?.ino ?? [],
  );
const namespaceOf = (pid: number) => statSync(`/proc/${pid}/ns/net`, { throwIfNoEntry: false })?.ino;

describe.skipIf(missing !== null)("hosts of the lab", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = (await openLab()).lab;
  });
  afterAll(() => lab.close());

  const connect = (address: string) => ({
    unit: "probe.service",
    user: "www-data",
    argv: ["timeout", "5", "bash", "-c", `exec 3<>/dev/tcp/${address}/9`],
  });

  it.each(["db4", "db6", "internet4", "internet6", "client6"])(
    "reach %s, which refuses what nobody listens for",
    async (name) => {
      const ended = await lab.host("web").run(connect(name));
      expect(ended.stderr).toContain("Connection refused");
    },
  );

  it("have no way out of the lab", async () => {
    const ended = await lab.host("web").run(connect("1.1.1.1"));
    expect(ended.stderr).toContain("unreachable");
  });

  it("run programs in a cgroup, as a user and under a name of their own", async () => {
    const argv = ["sh", "-c", "hostname; id -un; cat /proc/self/cgroup"];
    const { stdout } = await lab.host("app").run({ unit: "crm.service", user: "www-data", argv });
    const [name, user, ...cgroups] = stdout.trim().split("\n");
    expect([name, user]).toEqual(["app", "www-data"]);
    expect(cgroups.at(-1)).toBe(`0::/ringwall-lab/${lab.run}/app/system.slice/crm.service`);
  });

  it("keep what they write to themselves", async () => {
    await lab.host("app").must(["touch", "/srv/only-here", "/run/only-here"]);
    expect((await lab.host("web").run({ unit: "x.service", argv: ["ls", "/srv/only-here"] })).code).toBe(2);
    expect(existsSync("/srv/only-here") || existsSync("/run/only-here")).toBe(false);
  });

  it("can be unplugged and plugged in again", async () => {
    const db = lab.host("db");
    await setLink(db, "down");
    expect((await lab.host("web").run(connect("db4"))).stderr).not.toContain("refused");
    await setLink(db, "up");
    for (const name of ["db4", "db6"]) {
      expect((await lab.host("web").run(connect(name))).stderr).toContain("Connection refused");
    }
  });

  it("leave nothing behind, and can't be used any more", async () => {
    const cgroup = path.join(labRoot(), lab.run);
    const own = processesIn(cgroup).map(namespaceOf);
    expect(own.length).toBeGreaterThan(0);
    // What has no name and no process is gone.
    expect(namedNamespaces().filter((inode) => own.includes(inode))).toEqual([]);
    await lab.close();
    expect(existsSync(cgroup)).toBe(false);
    expect(() => lab.host("web").start(connect("db4"))).toThrow("web is being closed");
  });

  it("of a lab that was killed are ended by the next ones", async () => {
    const victim = spawn(process.execPath, [path.join(import.meta.dirname, "../main.ts")], {
      stdio: "ignore",
    });
    const cgroup = await cgroupOf(victim);
    while (processesIn(cgroup).length < 9) await new Promise((resolve) => setTimeout(resolve, 20));
    victim.kill("SIGKILL");
    await new Promise((resolve) => victim.on("exit", resolve));
    expect(processesIn(cgroup).length).toBeGreaterThan(0);
    // Two that begin at the same moment don't disturb each other.
    const swept = await Promise.all([sweepLeftovers(), sweepLeftovers()]);
    expect(swept.flat()).toContain(path.basename(cgroup));
    expect(existsSync(cgroup)).toBe(false);
  });
});

async function cgroupOf(run: ChildProcess): Promise<string> {
  for (;;) {
    const folders = existsSync(labRoot()) ? readdirSync(labRoot()) : [];
    const name = folders.find((folder) => folder.startsWith(`${run.pid}-`));
    if (name !== undefined) return path.join(labRoot(), name);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
