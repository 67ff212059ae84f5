import { readFile } from "node:fs/promises";
import { lowerHost, withNames } from "@ringwall/policy/lower";
import { agentError } from "../agent-error.ts";
import type { AgentPlaces } from "../agent-options.ts";
import { loadPolicyState } from "../apply/policy-store.ts";
import { openIdentityBook } from "../identify/identity-book.ts";
import { openPinned } from "../kernel-instance.ts";
import { createNameBook } from "../observe/dns/name-book.ts";
import { createNameStore } from "../observe/dns/name-store.ts";
import { readBootId, readMapsName } from "../state/clocks.ts";
import { parseHostPolicy } from "./accept-update.ts";
import { planKernel } from "./kernel-plan.ts";
import { formatAddress, formatPlan } from "./print.ts";

/**
 * What would change in the kernel for the agent's stored policy, or for the host policy in `file` (JSON), as text.
 * Changes nothing.
 */
export async function agentPlan(places: AgentPlaces, file?: string, linesMax?: number): Promise<string> {
  const state = await loadPolicyState(places.stateDir);
  const generation = (state.current?.generation ?? 0n) + (file === undefined ? 0n : 1n);
  const policy = file === undefined ? state.current?.policy : await loadHostPolicy(file, generation);
  if (policy === undefined) return "no policy has come from the controller yet: nothing to plan\n";
  const kernel = openPinned(places.pinDir);
  const book = openIdentityBook(places.stateDir, await readMapsName(places.pinDir), true);
  try {
    const liveSlot = kernel.liveSlot();
    const names = createNameBook(formatAddress);
    names.load(await createNameStore(places.stateDir, await readBootId()).load());
    const lowered = lowerHost(withNames(policy, names.addresses()));
    const actual = { liveSlot, generation: kernel.readSlot(liveSlot).generation };
    return formatPlan(
      planKernel({ generation, lowered, identities: book.identities() }, actual),
      lowered,
      linesMax,
    );
  } finally {
    kernel.close();
  }
}

async function loadHostPolicy(file: string, generation: bigint) {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw agentError(
      "file-unreadable",
      `\`${file}\` can't be read`,
      "name a file with a host policy in JSON",
      error,
    );
  });
  const parsed = parseHostPolicy(bytes, generation);
  if (!parsed.ok)
    throw agentError(
      "policy-malformed",
      parsed.error.map((problem) => problem.message).join("; "),
      "correct the file",
    );
  return parsed.value;
}
