import { setImmediate } from "node:timers/promises";

/** Longest stretch of work without letting heartbeats and uploads through. */
export const STRETCH_MS = 25;

/** `work` on each of `items`, one after the other. */
export async function mapInStretches<Item, Made>(
  items: Iterable<Item>,
  work: (item: Item) => Made,
): Promise<Made[]> {
  const made: Made[] = [];
  let stretchEndMs = performance.now() + STRETCH_MS;
  for (const item of items) {
    made.push(work(item));
    if (performance.now() < stretchEndMs) continue;
    await setImmediate();
    stretchEndMs = performance.now() + STRETCH_MS;
  }
  return made;
}
