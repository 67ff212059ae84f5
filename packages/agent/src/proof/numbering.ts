import type { ProcessIdentity } from "@ringwall/model";
import { PROOF_ITEMS_MAX, type ProofState } from "@ringwall/protocol/agent";
import { toProcess } from "../observe/process-message.ts";
import { CALL_TIMEOUT_MS, type ControllerClient } from "../session/client.ts";

export type NumberingParts = {
  readonly workload: string;
  readonly client: () => ControllerClient | null;
  /** An identity of this host has its number in the fleet. */
  readonly onNumber: (id: number, given: number, identity: ProcessIdentity) => Promise<void>;
};

/** Numbers in the fleet for this host's identities: each is asked for once, and again where it may have become another. */
export type Numbering = {
  /** An identity that may need one. */
  readonly meet: (id: number, identity: ProcessIdentity) => void;
  /**
   * The controller has answered. Started again it may know nothing of the numbers of these any more, since its database may
   * have been put back from a backup: they go on until it says others.
   */
  readonly heard: (
    answer: Pick<ProofState, "run" | "complete">,
    identities: Iterable<readonly [id: number, identity: ProcessIdentity]>,
  ) => void;
  /** Identities that need none any more. */
  readonly dismiss: (ids: ReadonlySet<number>) => void;
  /** Asks for all that are waiting. Throws what the connection threw; without one they go on waiting. */
  readonly ask: () => Promise<void>;
};

export function createNumbering({ workload, client, onNumber }: NumberingParts): Numbering {
  const numbered = new Map<number, number>();
  const waiting = new Map<number, ProcessIdentity>();
  let lastRun: bigint | undefined;
  return {
    meet: (id, identity) => {
      if (!numbered.has(id)) waiting.set(id, identity);
    },
    heard: ({ run, complete }, identities) => {
      const isDoubtful = run === undefined ? complete : run !== lastRun;
      lastRun = run;
      if (isDoubtful) for (const [id, identity] of identities) waiting.set(id, identity);
    },
    dismiss: (ids) => {
      for (const id of ids) {
        numbered.delete(id);
        waiting.delete(id);
      }
    },
    ask: async () => {
      while (waiting.size > 0) {
        const service = client()?.service;
        if (service === undefined) return;
        const batch = [...waiting].slice(0, PROOF_ITEMS_MAX);
        const processes = batch.map(([, identity]) => toProcess(identity));
        const { numbers } = await service.numberIdentities(
          { workload, processes },
          { timeoutMs: CALL_TIMEOUT_MS },
        );
        for (const [i, [id, identity]] of batch.entries()) {
          // Dismissed while the controller was asked.
          if (!waiting.delete(id)) continue;
          const given = numbers[i] ?? 0;
          if (given === 0 || given === numbered.get(id)) continue;
          numbered.set(id, given);
          await onNumber(id, given, identity);
        }
      }
    },
  };
}
