import { type Gate, type GateParts, startGate } from "./gate-process.ts";

/** Milliseconds before a gate is started again that ended by itself soon; one that ran for longer is replaced at once. */
const RESTART_MS = 1000;
const SOON_MS = 10_000;

export type GateKeeper = {
  /** A gate without any answer in mind asks from now on. Resolves when that is so, or was told not to be. */
  readonly keep: (failOpen: boolean) => Promise<void>;
  /** Answers that it has in mind count no more. */
  readonly forget: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export type GateKeeperParts = Omit<GateParts, "failOpen" | "onEnd"> & {
  readonly onProblem: (message: string) => void;
};

/** Keeps a gate open: where one ended by itself there is soon another. */
export function createGateKeeper(parts: GateKeeperParts): GateKeeper {
  let gate: Gate | null = null;
  let isWanted = false;
  let failOpen = false;
  let restart: NodeJS.Timeout | undefined;
  let openedMs = 0;
  let turn = Promise.resolve();

  // INVARIANT: one after another, so that there is one gate at most, and it hears of everything.
  function inTurn(work: () => Promise<void>): Promise<void> {
    turn = turn.then(work).catch((error) => {
      parts.onProblem(`executions can't be refused before they run: ${String(error)}`);
    });
    return turn;
  }

  async function open(): Promise<void> {
    clearTimeout(restart);
    openedMs = performance.now();
    try {
      gate = startGate({ ...parts, failOpen, onEnd });
    } catch (error) {
      return onEnd(String(error));
    }
    await gate.ready;
  }

  function onEnd(how: string): void {
    gate = null;
    parts.onProblem(`the gate for executions has ended: ${how}; it is started again`);
    const ranLong = performance.now() - openedMs > SOON_MS;
    restart = setTimeout(() => inTurn(reopen), ranLong ? 0 : RESTART_MS);
  }

  async function reopen(): Promise<void> {
    if (isWanted && gate === null) await open();
  }

  return {
    keep: (mayFailOpen) =>
      inTurn(async () => {
        isWanted = true;
        failOpen = mayFailOpen;
        gate?.setFailOpen(failOpen);
        await gate?.forget();
        await reopen();
      }),
    forget: () => inTurn(async () => gate?.forget()),
    close: () =>
      inTurn(async () => {
        isWanted = false;
        clearTimeout(restart);
        const former = gate;
        gate = null;
        await former?.stop();
      }),
  };
}
