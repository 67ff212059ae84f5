/** The controller's time is followed when it is this far off what is assumed; less is the network's delay. */
const CLOCK_STEP_MS = 1000;
/** Milliseconds of difference between this host's clock and the controller's that are worth a word. */
const CLOCK_WORTH_TELLING_MS = 30_000;

export type ProofClockParts = {
  readonly nowMs: () => number;
  /** Nanoseconds since the boot, which nobody sets. */
  readonly bootNs: () => bigint;
  readonly onFault: (message: string) => void;
};

/** Epochs follow the controller's clock, on this boot's. */
export type ProofClock = {
  /** Wall clock of the controller minus the boot's, nanoseconds. */
  readonly offsetNs: () => bigint;
  /** The controller's time, milliseconds since 1970: a jump of this host's clock does not change it. */
  readonly nowMs: () => number;
  /** The controller's clock less this host's, milliseconds. */
  readonly aheadMs: () => number;
  readonly heard: (controllerMs: bigint) => void;
};

/**
 * @param formerNs what an agent before this one heard, 0 for nothing: it stands on the boot's clock, which no jump changes
 * @param aheadMs what was stored of the controller's clock
 */
export function createProofClock(
  { nowMs, bootNs, onFault }: ProofClockParts,
  formerNs: bigint,
  aheadMs: number,
): ProofClock {
  const offsetAt = (controllerMs: number) => BigInt(Math.round(controllerMs)) * 1_000_000n - bootNs();
  let ahead = aheadMs;
  let offset = formerNs === 0n ? offsetAt(nowMs() + aheadMs) : formerNs;
  return {
    offsetNs: () => offset,
    nowMs: () => Number((bootNs() + offset) / 1_000_000n),
    aheadMs: () => ahead,
    heard: (controllerMs) => {
      const now = Number(controllerMs) - nowMs();
      offset = offsetAt(Number(controllerMs));
      if (Math.abs(now - ahead) < CLOCK_STEP_MS) return;
      ahead = now;
      if (Math.abs(now) < CLOCK_WORTH_TELLING_MS) return;
      const seconds = Math.round(now / 1000);
      onFault(`this host's clock is ${seconds} s off the controller's; proofs follow the controller's`);
    },
  };
}
