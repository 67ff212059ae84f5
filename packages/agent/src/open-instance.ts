import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { putOffEnd } from "./end.ts";
import { type IdentityBook, isJournalOf, openIdentityBook } from "./identify/identity-book.ts";
import type { Kernel } from "./kernel/contract.ts";
import { type Devices, loadPrograms, openPinned, unloadPrograms } from "./kernel-instance.ts";
import { readMapsName } from "./state/clocks.ts";

/** For the first lines of a new journal. */
const JOURNAL_ROOM_BYTES = 4096;

export type Instance = { readonly kernel: Kernel; readonly book: IdentityBook };

/**
 * The kernel programs, loaded or adopted, with the journal of the numbers in their maps. Pins whose journal is lost
 * start anew: a number that nobody can explain must not be given to another program. From then until the policy is in
 * force again the agent does not end.
 */
export async function openInstance(
  stateDir: string,
  pinDir: string,
  cgroup: string,
  onProblem: (message: string) => void,
  devices: Devices = {},
): Promise<Instance> {
  const wasPinned = existsSync(`${pinDir}/maps`);
  for (const problem of await loadPrograms(pinDir, cgroup, devices)) onProblem(problem);
  // Nothing is written before they are gone: whoever is killed here leaves it to the next agent.
  if (wasPinned && !isJournalOf(stateDir, await readMapsName(pinDir))) {
    requireRoom(stateDir);
    putOffEnd();
    onProblem("the journal of the pinned programs is lost: they are loaded anew");
    await unloadPrograms(pinDir);
    await loadPrograms(pinDir, cgroup, devices);
  }
  const book = openIdentityBook(stateDir, await readMapsName(pinDir));
  return { kernel: openPinned(pinDir), book };
}

/** Where a new journal could not be written the programs stay: without it they would be loaded with no policy. */
function requireRoom(stateDir: string): void {
  const file = join(stateDir, "room");
  try {
    writeFileSync(file, new Uint8Array(JOURNAL_ROOM_BYTES), { mode: 0o600 });
  } finally {
    rmSync(file, { force: true });
  }
}
