import { type PeerKey, publicKeyOf } from "./keys.ts";
import { loadKeyRing, saveKeyRing } from "./proof-store.ts";

/** The keys that peers may hear of: stored before they are told to anybody. */
export async function publicKeys(stateDir: string, nowMs: number): Promise<readonly PeerKey[]> {
  const ring = await loadKeyRing(stateDir, nowMs);
  await saveKeyRing(stateDir, ring);
  return ring.keys.map((key) => ({ generation: key.generation, publicKey: publicKeyOf(key) }));
}
