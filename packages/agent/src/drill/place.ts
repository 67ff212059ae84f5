import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, realpath, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostPolicy } from "@ringwall/policy/lower";
import { DRILL_FOLDER_PREFIX } from "@ringwall/protocol/agent";
import { makeFolder } from "../state/make-folder.ts";
import { hashFile } from "./hash-file.ts";
import { placePrograms } from "./prepare.ts";
import { type DrillFiles, PYTHON } from "./programs.ts";
import type { Enter } from "./run-canary.ts";

/** Where a drill lives on a host: a folder and a control group of its own, gone when it ends. */
export type DrillPlace = {
  readonly folder: string;
  readonly files: DrillFiles;
  readonly enter: Enter;
  /** What the drill's rules allow: the decoy, and its script where there is a python3. */
  readonly software: HostPolicy["software"][string];
  readonly hasPython: boolean;
  readonly remove: () => Promise<void>;
};

const CGROUP = "ringwall-drill";
const OWN_DIGITS = 8;
const REMOVE_TRIES_MAX = 40;
const REMOVE_RETRY_MS = 50;

/** Below the control group that the agent speaks for. */
export async function makePlace(cgroup: string, stateDir: string): Promise<DrillPlace> {
  const folder = await mkdtemp(prefixOf(stateDir));
  const group = `${cgroup}/${CGROUP}`;
  const remove = async () => {
    await rm(folder, { recursive: true, force: true });
    for (let tries = 0; tries < REMOVE_TRIES_MAX && existsSync(group); tries++) {
      const gone = await rmdir(group)
        .then(() => true)
        .catch(() => false);
      if (!gone) await sleep(REMOVE_RETRY_MS);
    }
  };
  try {
    await chmod(folder, 0o755);
    await makeFolder(group);
    const files = await placePrograms(`${folder}/programs`);
    const python = await realpath(PYTHON).catch(() => undefined);
    const software: HostPolicy["software"][string] = [
      { executable: { sha256: await hashFile(files.decoy) } },
    ];
    if (python !== undefined)
      software.push({
        executable: { sha256: await hashFile(python) },
        script: { sha256: await hashFile(files.decoyScript) },
      });
    return { folder, files, enter: enterBy(group), software, hasPython: python !== undefined, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** What a drill left that was killed: its folder. Its rules went with the next start of the agent. */
export async function removeLeftovers(stateDir: string): Promise<void> {
  const prefix = prefixOf(stateDir);
  const folder = dirname(prefix);
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(basename(prefix))))
    await rm(join(folder, name), { recursive: true, force: true });
}

/** Several agents on one machine keep apart. /run is in memory, and programs may be started there. */
function prefixOf(stateDir: string): string {
  const own = createHash("sha256").update(resolve(stateDir)).digest("hex").slice(0, OWN_DIGITS);
  return `${DRILL_FOLDER_PREFIX}${own}-`;
}

function enterBy(group: string): Enter {
  const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
  return (argv) => ["/bin/sh", "-c", enter, group, ...argv];
}
