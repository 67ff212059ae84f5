import { rm, rmdir, stat } from "node:fs/promises";
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
  const pinned = await isPinned(pinDir);
  for (const id of await carriedIds(stateDir)) await removeCarried({ stateDir, pinDir }, id);
  if (pinned) await unloadPrograms(pinDir);
  const detached = pinned
    ? `kernel programs below \`${pinDir}\` detached and removed`
    : `no kernel programs below \`${pinDir}\``;
  if (keepState) return [detached];
  await removeState(stateDir);
  await removeOwnFolder(dirname(dirname(resolve(pinDir))));
  await removeOwnFolder(dirname(resolve(stateDir)));
  return [detached, `state in \`${stateDir}\` removed`];
}

/** Not to be allowed to look is not to find nothing: what enforces there may go on. */
async function isPinned(pinDir: string): Promise<boolean> {
  try {
    await stat(pinDir);
    return true;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code === "ENOENT") return false;
    throw agentError(
      "not-pinned",
      `can't see what is pinned below \`${pinDir}\`: ${code}`,
      "run as root",
      error,
    );
  }
}

async function removeState(stateDir: string): Promise<void> {
  try {
    await removeAptHook(stateDir);
    await rm(stateDir, { recursive: true, force: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw agentError("state-unwritable", `can't remove \`${stateDir}\`: ${why}`, "run as root", error);
  }
}

/** One that has another name was somebody else's before, and one that holds more still is. */
async function removeOwnFolder(path: string): Promise<void> {
  if (basename(path) === OWN_FOLDER) await rmdir(path).catch(() => undefined);
}
