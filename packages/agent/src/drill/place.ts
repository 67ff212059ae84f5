import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, realpath, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostPolicy } from "@ringwall/policy/lower";
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

/** Names the folders of drills: what runs from there is not learned from. */
export const FOLDER_PREFIX = "ringwall-drill-";
const CGROUP = "ringwall-drill";
const REMOVE_TRIES_MAX = 40;
const REMOVE_RETRY_MS = 50;

/** Below the control group that the agent speaks for. */
export async function makePlace(cgroup: string): Promise<DrillPlace> {
  // /run is a file system of its own on most hosts, in memory, where programs may be started.
  const folder = await mkdtemp(`${existsSync("/run") ? "/run" : tmpdir()}/${FOLDER_PREFIX}`);
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
    await mkdir(group, { recursive: true });
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

function enterBy(group: string): Enter {
  const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
  return (argv) => ["/bin/sh", "-c", enter, group, ...argv];
}
