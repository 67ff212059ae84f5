import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { agentError } from "./agent-error.ts";
import type { AgentPlaces } from "./agent-options.ts";
import { carriedIds, removeCarried } from "./carry/carrier.ts";
import { removeAptHook } from "./evidence/apt-hook.ts";
import { unloadPrograms } from "./kernel-instance.ts";
import { holderOf } from "./state/lock.ts";

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
  return [detached, `state in \`${stateDir}\` removed`];
}
