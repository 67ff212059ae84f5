import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { HostPolicy } from "@ringwall/policy/lower";
import type { ShadowRow } from "../observe/shadow-rows.ts";
import { parseHostPolicy } from "../plan/accept-update.ts";
import { saveFile } from "../state/save-file.ts";
import type { Deadline } from "./policy-store.ts";

/** A run that this host takes part in, as it outlives the agent. */
export type StoredShadow = {
  readonly run: bigint;
  readonly policy: HostPolicy;
  readonly deadline: Deadline;
  /** Counted under live policies that are no longer in force: their rules' numbers mean something else by now. */
  readonly carried: readonly ShadowRow[];
  readonly metBefore: bigint;
  readonly uncountedBefore: bigint;
};

const NAME = "shadow.json";

/** Null ends it: the file is removed. */
export async function saveShadow(stateDir: string, shadow: StoredShadow | null): Promise<void> {
  const path = join(stateDir, NAME);
  if (shadow === null) return rm(path, { force: true });
  const { run, deadline, metBefore, uncountedBefore, ...rest } = shadow;
  const text = JSON.stringify({
    ...rest,
    run: String(run),
    deadline: { ...deadline, bootNs: String(deadline.bootNs) },
    metBefore: String(metBefore),
    uncountedBefore: String(uncountedBefore),
  });
  await saveFile(path, `${text}\n`, 0o600);
}

/** Null where there is none, or none that can be read: a shadow is not worth a failing start. */
export async function loadShadow(stateDir: string): Promise<StoredShadow | null> {
  const text = await readFile(join(stateDir, NAME), "utf8").catch(() => undefined);
  if (text === undefined) return null;
  try {
    // Written by this module, replaced in one step; the policy in it is checked like any other.
    const stored = JSON.parse(text) as StoredShadow;
    const parsed = parseHostPolicy(Buffer.from(JSON.stringify(stored.policy)), BigInt(stored.run));
    if (!parsed.ok) return null;
    const deadline = { ...stored.deadline, bootNs: BigInt(stored.deadline.bootNs) };
    return {
      policy: parsed.value,
      deadline,
      carried: stored.carried,
      run: BigInt(stored.run),
      metBefore: BigInt(stored.metBefore),
      uncountedBefore: BigInt(stored.uncountedBefore),
    };
  } catch {
    return null;
  }
}
