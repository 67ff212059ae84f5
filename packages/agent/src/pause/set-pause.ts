import type { Kernel } from "../kernel/contract.ts";
import { pauseLimit } from "../kernel/generated/layout.ts";

/** Seconds for which enforcement may be paused; the programs themselves go by no later deadline. */
export const PAUSE_SECONDS_MAX = pauseLimit.max;

type Pausable = Pick<Kernel, "readPause" | "writePause" | "bootNs">;
export type PausedBy = { readonly uid: number; readonly remote: boolean };

/** Pauses for so long from now, 0 = enforces again; a later call replaces an earlier one. Returns the new serial. */
export function setPause(kernel: Pausable, seconds: number, by: PausedBy): bigint {
  const now = kernel.bootNs();
  const serial = kernel.readPause().serial + 1n;
  const length = BigInt(Math.min(seconds, PAUSE_SECONDS_MAX)) * 1_000_000_000n;
  kernel.writePause({ untilNs: length === 0n ? 0n : now + length, sinceNs: now, serial, ...by });
  return serial;
}

/** Milliseconds that are left; 0 = enforcement is on. */
export function pauseLeftMs(kernel: Pausable): number {
  const left = kernel.readPause().untilNs - kernel.bootNs();
  return left <= 0n || left > BigInt(PAUSE_SECONDS_MAX) * 1_000_000_000n ? 0 : Number(left / 1_000_000n);
}

export function isPaused(kernel: Pausable): boolean {
  return pauseLeftMs(kernel) > 0;
}
