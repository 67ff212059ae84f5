import { existsSync } from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { agentError } from "./agent-error.ts";
import type { AgentPlaces } from "./agent-options.ts";
import { carriedIds, removeCarried } from "./carry/carrier.ts";
import { removeAptHook } from "./evidence/apt-hook.ts";
import { unloadPrograms } from "./kernel-instance.ts";
import { holderOf } from "./state/lock.ts";

/** The folder that holds one agent's, by default, in `/run` and in `/var/lib`. */
const OWN_FOLDER = "ringwall";

/**
 * Ends enforcement and removes all that an agent left: programs, maps, key, journal; with `keepState` only what is in
 * the kernel, so that the next start needs no enrolment. Returns what was done, in words.
 */
export async function uninstallAgent(
  { stateDir, pinDir }: AgentPlaces,
  { keepState = false }: { readonly keepState?: boolean } = {},
): Promise<readonly string[]> {
  const holder = await holderOf(stateDir);
  if (holder !== null) {
    throw agentError("agent-running", `the agent still runs as process ${holder}`, "stop it first");
  }
  for (const id of await carriedIds(stateDir)) await removeCarried({ stateDir, pinDir }, id);
  if (existsSync(pinDir)) await unloadPrograms(pinDir);
  const detached = `kernel programs below \`${pinDir}\` detached and removed`;
  if (keepState) return [detached];
  await removeAptHook(stateDir);
  await rm(stateDir, { recursive: true, force: true });
  await removeOwnFolder(dirname(dirname(resolve(pinDir))));
  await removeOwnFolder(dirname(resolve(stateDir)));
  return [detached, `state in \`${stateDir}\` removed`];
}

/** One that has another name was somebody else's before, and one that holds more still is. */
async function removeOwnFolder(path: string): Promise<void> {
  if (basename(path) === OWN_FOLDER) await rmdir(path).catch(() => undefined);
}
