import { setMaxListeners } from "node:events";

/** Milliseconds that what is under way still has when the agent ends; then its child processes and calls are ended. */
export const END_MS_MAX = 3000;
/** Milliseconds more for what follows from that. */
export const AFTER_END_MS_MAX = 1500;

const over = new AbortController();
setMaxListeners(0, over.signal);
let limit: NodeJS.Timeout | undefined;

/** Aborts when an ending agent gives up what is under way: the next agent does it again. */
export const givenUp: AbortSignal = over.signal;

/** Options of child processes that must not hold up the agent's end. */
export const endsWithAgent = { signal: givenUp, killSignal: "SIGKILL" } as const;

/** From now on the time runs. */
export function beginEnd(): void {
  limit ??= setTimeout(giveUp, END_MS_MAX);
}

export function giveUp(): void {
  clearTimeout(limit);
  over.abort();
}

/** Resolves with the work, or so long after it was given up. */
export async function untilGivenUp(work: Promise<unknown>, moreMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let more: NodeJS.Timeout | undefined;
  const wait = () => {
    more = setTimeout(resolve, moreMs);
  };
  if (givenUp.aborted) wait();
  else givenUp.addEventListener("abort", wait, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(more);
    givenUp.removeEventListener("abort", wait);
  }
}
