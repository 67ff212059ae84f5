import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { agentError } from "./agent-error.ts";
import { openIdentityBook } from "./identify/identity-book.ts";
import { readHeartbeat } from "./kernel/heartbeat.ts";
import { readMapsName } from "./state/clocks.ts";

/** An agent gives a sign of life every second; a busy machine may delay one. */
const LISTEN_MS = 3000;
const LOOK_EVERY_MS = 100;

/**
 * Refuses to take over what another living agent has pinned: loading anew would end its enforcement. An agent that
 * comes back to pins of its own (its journal fits them) doesn't wait, and what a dead agent left is nobody's.
 */
export async function refusePinsInUse(stateDir: string, pinDir: string): Promise<void> {
  if (!existsSync(`${pinDir}/maps`)) return;
  if (!openIdentityBook(stateDir, await readMapsName(pinDir), true).isNew) return;
  const before = readHeartbeat(pinDir);
  for (let waited = 0; waited < LISTEN_MS; waited += LOOK_EVERY_MS) {
    await sleep(LOOK_EVERY_MS);
    if (readHeartbeat(pinDir) === before) continue;
    throw agentError(
      "pins-in-use",
      `another agent, with another state directory, is at work on \`${pinDir}\``,
      "stop it first, or give this one a folder of its own with --pin",
    );
  }
}
