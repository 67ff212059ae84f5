import { setMaxListeners } from "node:events";

/** Milliseconds that what is under way still has when the agent ends; then its child processes and calls are ended. */
export const END_MS_MAX = 3000;
/** Milliseconds more for what follows from that. */
export const AFTER_END_MS_MAX = 1500;
/** Milliseconds that the end may be put off, by what would leave the host open. */
export const END_PUT_OFF_MS_MAX = 60_000;

const over = new AbortController();
setMaxListeners(0, over.signal);
let limit: NodeJS.Timeout | undefined;
let putOff: NodeJS.Timeout | undefined;
let isDue = false;

/** Aborts when an ending agent gives up what is under way: the next agent does it again. */
export const givenUp: AbortSignal = over.signal;

/** Options of child processes that must not hold up the agent's end. */
export const endsWithAgent = { signal: givenUp, killSignal: "SIGKILL" } as const;

/** From now on the time runs. */
export function beginEnd(): void {
  limit ??= setTimeout(giveUp, END_MS_MAX);
}

export function giveUp(): void {
  isDue = true;
  if (putOff !== undefined) return;
  clearTimeout(limit);
  over.abort();
}

/** From now on nothing is given up, until `letEnd`. Throws where the agent ends already: what follows is not to be begun. */
export function putOffEnd(): void {
  if (limit !== undefined) throw new DOMException("the agent ends", "AbortError");
  putOff = setTimeout(letEnd, END_PUT_OFF_MS_MAX);
}

export function letEnd(): void {
  clearTimeout(putOff);
  putOff = undefined;
  if (isDue) giveUp();
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
