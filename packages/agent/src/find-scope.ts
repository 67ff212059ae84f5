import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { agentError } from "./agent-error.ts";
import { parseCgroupMount } from "./identify/cgroups.ts";

/** Where cgroup2 is mounted, and the agent's own folder below it, empty for all of it. */
export type Scope = { readonly mount: string; readonly scope: string };

/** Throws AgentError where the folder is no control group. */
export async function findScope(cgroup: string): Promise<Scope> {
  const mount = parseCgroupMount(await readFile("/proc/self/mountinfo", "utf8"));
  if (mount === undefined) {
    throw agentError(
      "no-cgroup2",
      "this machine has no cgroup2 file system",
      "mount it: `mount -t cgroup2 none /sys/fs/cgroup/unified`",
    );
  }
  const folder = resolve(cgroup);
  const inside = folder === mount || folder.startsWith(`${mount}/`);
  const found = await stat(join(folder, "cgroup.procs")).catch(() => undefined);
  if (!inside || found === undefined) {
    throw agentError(
      "no-cgroup",
      `\`${cgroup}\` is no control group below \`${mount}\``,
      `make it with \`mkdir\`, or use \`${mount}\` for the whole host`,
    );
  }
  return { mount, scope: folder.slice(mount.length) };
}
