import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostPolicy } from "@ringwall/policy/lower";
import { z } from "zod";
import { parseHostPolicy } from "../plan/accept-update.ts";
import { saveFile } from "../state/save-file.ts";

/** A policy with its number. */
export type StoredPolicy = { readonly generation: bigint; readonly policy: HostPolicy };

/** Until when a policy must be confirmed: by the clock of this boot, and by the calendar in case of another boot. */
export type Deadline = { readonly bootId: string; readonly bootNs: bigint; readonly wallMs: number };

/** What this host enforces, and what it goes back to. */
export type PolicyState = {
  readonly current: StoredPolicy | null;
  /** Set while `current` waits for its confirmation: the last confirmed policy, null where there was none. */
  readonly waiting: { readonly former: StoredPolicy | null; readonly deadline: Deadline } | null;
  /** The highest generation that was put back, 0 for none. */
  readonly revertedGeneration: bigint;
};

export const NO_POLICY: PolicyState = { current: null, waiting: null, revertedGeneration: 0n };

const stored = z.object({ generation: z.string().regex(/^\d{1,20}$/), policy: z.unknown() });
const file = z.object({
  current: stored.nullable(),
  waiting: z
    .object({
      former: stored.nullable(),
      deadline: z.object({ bootId: z.string(), bootNs: z.string().regex(/^\d{1,20}$/), wallMs: z.number() }),
    })
    .nullable(),
  revertedGeneration: z.string().regex(/^\d{1,20}$/),
});

/** Saved before the kernel is changed: an agent killed in between finds what it was about to do, and the deadline. */
export async function savePolicyState(stateDir: string, state: PolicyState): Promise<void> {
  const text = JSON.stringify(state, (_key, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  await saveFile(join(stateDir, "policy.json"), `${text}\n`, 0o600);
}

/** The saved state; NO_POLICY where there is none, or none that can be read: then the kernel keeps what is pinned. */
export async function loadPolicyState(stateDir: string): Promise<PolicyState> {
  const text = await readFile(join(stateDir, "policy.json"), "utf8").catch(() => undefined);
  if (text === undefined) return NO_POLICY;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return NO_POLICY;
  }
  const parsed = file.safeParse(json);
  if (!parsed.success) return NO_POLICY;
  const { current, waiting, revertedGeneration } = parsed.data;
  return {
    current: restore(current),
    waiting:
      waiting === null
        ? null
        : {
            former: restore(waiting.former),
            deadline: { ...waiting.deadline, bootNs: BigInt(waiting.deadline.bootNs) },
          },
    revertedGeneration: BigInt(revertedGeneration),
  };
}

function restore(value: z.infer<typeof stored> | null): StoredPolicy | null {
  if (value === null) return null;
  const generation = BigInt(value.generation);
  const parsed = parseHostPolicy(Buffer.from(JSON.stringify(value.policy)), generation);
  return parsed.ok ? { generation, policy: parsed.value } : null;
}
