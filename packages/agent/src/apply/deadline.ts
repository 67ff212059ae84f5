import type { Deadline } from "./policy-store.ts";

/** The clocks of one boot. */
export type Clocks = {
  readonly bootId: string;
  readonly bootNs: () => bigint;
  readonly wallMs: () => number;
};

export function deadlineIn(seconds: number, clocks: Clocks): Deadline {
  const bootNs = clocks.bootNs() + BigInt(seconds) * 1_000_000_000n;
  return { bootId: clocks.bootId, bootNs, wallMs: clocks.wallMs() + seconds * 1000 };
}

/** By the boot's own clock, which nobody sets; only after another boot by the calendar. */
export function millisecondsLeft(deadline: Deadline, clocks: Clocks): number {
  if (deadline.bootId !== clocks.bootId) return deadline.wallMs - clocks.wallMs();
  return Number((deadline.bootNs - clocks.bootNs()) / 1_000_000n);
}
