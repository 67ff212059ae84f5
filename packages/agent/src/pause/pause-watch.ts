import type { Kernel } from "../kernel/contract.ts";
import type { ControllerClient } from "../session/client.ts";
import { CALL_TIMEOUT_MS } from "../session/client.ts";
import { type LocalAction, mayHaveActions, takeLocalActions } from "./local-actions.ts";
import { pauseLeftMs, setPause } from "./set-pause.ts";

export type PauseWatchParts = {
  readonly kernel: Kernel;
  readonly stateDir: string;
  readonly workload: string;
  /** Of the pinned maps: with a serial it names one action for ever. */
  readonly mapsName: string;
  readonly client: () => ControllerClient | null;
  readonly userName: (uid: number) => string | null;
  readonly nowMs: () => number;
  /** Enforcement was paused, or is back. */
  readonly onChange: (what: string) => void;
};

export type PauseWatch = {
  /** Once a second: notices changes, and tells the controller of what was done here. */
  readonly look: () => Promise<void>;
  /** The controller's order; 0 seconds = enforce again. */
  readonly order: (seconds: number) => void;
  /** Milliseconds since 1970; 0 = enforcement is on. */
  readonly pausedUntilMs: () => number;
};

export function createPauseWatch(parts: PauseWatchParts): PauseWatch {
  const { kernel, stateDir, workload } = parts;
  let wasPaused = pauseLeftMs(kernel) > 0;
  let toldSerial: bigint | null = null;

  function pausedUntilMs(): number {
    const left = pauseLeftMs(kernel);
    return left === 0 ? 0 : parts.nowMs() + left;
  }

  function notice(): void {
    const isPaused = pauseLeftMs(kernel) > 0;
    if (isPaused === wasPaused) return;
    wasPaused = isPaused;
    parts.onChange(isPaused ? "enforcement is paused by hand" : "enforcement is back after its pause");
  }

  /** What the kernel knows of the newest action, for the case that its line could not be written. */
  function lastAction(): LocalAction | null {
    const { serial, uid, untilNs, sinceNs, remote } = kernel.readPause();
    if (serial === 0n || serial === toldSerial || remote) return null;
    const sinceMs = parts.nowMs() - Number((kernel.bootNs() - sinceNs) / 1_000_000n);
    return {
      id: `${parts.mapsName} ${serial}`,
      what: untilNs === 0n ? "resume" : "pause",
      timeMs: sinceMs,
      untilMs: untilNs === 0n ? 0 : sinceMs + Number((untilNs - sinceNs) / 1_000_000n),
      user: parts.userName(uid) ?? String(uid),
      reason: "",
    };
  }

  async function tell(client: ControllerClient): Promise<void> {
    const { serial } = kernel.readPause();
    if (serial === toldSerial && !mayHaveActions(stateDir)) return;
    const { actions, forget } = await takeLocalActions(stateDir);
    const last = lastAction();
    const all = last === null || actions.some(({ id }) => id === last.id) ? actions : [...actions, last];
    if (all.length > 0) {
      const told = all.map((one) => ({ ...one, timeMs: BigInt(one.timeMs), untilMs: BigInt(one.untilMs) }));
      await client.service.reportActions({ workload, actions: told }, { timeoutMs: CALL_TIMEOUT_MS });
    }
    await forget();
    toldSerial = serial;
  }

  return {
    pausedUntilMs,
    order: (seconds) => {
      setPause(kernel, seconds, { uid: 0, remote: true });
      notice();
    },
    look: async () => {
      notice();
      const client = parts.client();
      if (client === null) return;
      // A controller that is older, or away again, hears of it later.
      await tell(client).catch(() => undefined);
    },
  };
}
