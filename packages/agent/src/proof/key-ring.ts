import { createOwnKey, type OwnKey } from "./keys.ts";

/**
 * This agent's keys: the newest, which peers may sign to at once, and the one before. `signing` is the generation of the
 * one that this agent signs with. Pure but for the keys themselves; times are milliseconds since 1970.
 */
export type KeyRing = {
  /** Oldest first; one or two. */
  readonly keys: readonly OwnKey[];
  readonly signing: number;
  /** When the newest was made. */
  readonly madeMs: number;
};

/** Numbered by the time in seconds, so that a ring made after the loss of another is not behind it. */
export function newKeyRing(nowMs: number): KeyRing {
  const generation = Math.max(1, Math.floor(nowMs / 1000));
  return { keys: [createOwnKey(generation)], signing: generation, madeMs: nowMs };
}

export function newestKey(ring: KeyRing): OwnKey {
  return ring.keys[ring.keys.length - 1] as OwnKey; // never empty
}

/** The key that this agent signs with. */
export function signingKey(ring: KeyRing): OwnKey {
  return ring.keys.find((key) => key.generation === ring.signing) ?? newestKey(ring);
}

/**
 * The ring after time has gone on: a new key every `periodMs`, used for signing half a period after it was made, so that
 * every peer has heard of it. The same object where nothing is due. A clock that went back delays at most one period.
 */
export function turnKeyRing(ring: KeyRing, nowMs: number, periodMs: number): KeyRing {
  const newest = newestKey(ring);
  const age = nowMs - ring.madeMs;
  if (age < -periodMs) return { ...ring, madeMs: nowMs };
  if (age >= periodMs) {
    const keys = [newest, createOwnKey(newest.generation + 1)];
    return { keys, signing: newest.generation, madeMs: nowMs };
  }
  if (age >= periodMs / 2 && ring.signing !== newest.generation)
    return { ...ring, signing: newest.generation };
  return ring;
}
