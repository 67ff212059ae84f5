import { CALL_TIMEOUT_MS, type ControllerClient } from "../session/client.ts";
import { type KeyRing, newestKey, turnKeyRing } from "./key-ring.ts";
import { publicKeyOf } from "./keys.ts";
import { loadKeyRing, saveKeyRing } from "./proof-store.ts";

export type OwnKeysParts = {
  readonly stateDir: string;
  readonly workload: string;
  readonly client: () => ControllerClient | null;
  /** TCP ports of sockets that listen since before the kernel programs. */
  readonly mutePorts: () => readonly number[];
  /** This host proves its software in datagrams too, and reads such proofs. */
  readonly datagrams: boolean;
  /** Of a clock that does not jump: a key that is turned too early is one that peers still use. */
  readonly nowMs: () => number;
  readonly periodMs: number;
};

/** This host's keys: made, turned, stored, and their public halves offered to the controller. */
export type OwnKeys = {
  readonly ring: () => KeyRing;
  /**
   * Tells the controller, where it does not know.
   * INVARIANT: peers hear of a key only when this host can read what they make with it, also after a restart.
   */
  readonly offer: () => Promise<void>;
  /** The connection is another: the controller is told anew. */
  readonly forgetOffer: () => void;
  /**
   * Whether the keys are others now: the kernel is to have them before they are offered.
   * INVARIANT: a key is used for signing only when peers could hear of it for half a period, and all have it.
   * @param heardGeneration the newest key that all peers have, by the controller's word
   */
  readonly turnIfDue: (heardGeneration: number) => Promise<boolean>;
};

export async function loadOwnKeys(parts: OwnKeysParts): Promise<OwnKeys> {
  const { stateDir, workload, nowMs, periodMs } = parts;
  let ring = await loadKeyRing(stateDir, nowMs());
  let offered: string | null = null;
  let offeredGeneration = 0;
  let newKeyMs = nowMs();
  await saveKeyRing(stateDir, ring);
  return {
    ring: () => ring,
    forgetOffer: () => {
      offered = null;
    },
    offer: async () => {
      const mutePorts = [...parts.mutePorts()];
      const name = JSON.stringify([ring.keys.map((key) => key.generation), mutePorts]);
      const client = parts.client();
      if (client === null || name === offered) return;
      const { datagrams } = parts;
      const keys = ring.keys.map((key) => ({ generation: key.generation, publicKey: publicKeyOf(key) }));
      const options = { timeoutMs: CALL_TIMEOUT_MS };
      await client.service.offerProofKey({ workload, keys, mutePorts, datagrams }, options);
      offered = name;
      const newest = keys.at(-1)?.generation ?? 0;
      if (newest !== offeredGeneration) newKeyMs = nowMs();
      offeredGeneration = newest;
    },
    turnIfDue: async (heardGeneration) => {
      // A peer whose agent is away would refuse what a newer one proves, and keeps two at most.
      if (newestKey(ring).generation > heardGeneration) return false;
      const next = turnKeyRing(ring, nowMs(), periodMs);
      if (next === ring) return false;
      if (next.signing !== ring.signing && nowMs() - newKeyMs < periodMs / 2) return false;
      await saveKeyRing(stateDir, next);
      ring = next;
      return true;
    },
  };
}
