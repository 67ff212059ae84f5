import { setTimeout as sleep } from "node:timers/promises";
import { deviceChange, native } from "../kernel/native.ts";

/** Milliseconds between two times: many devices come together. */
const GAP_MS = 250;
const RETRY_MS = 2000;
/** Told where the kernel had more to say than there was room for. */
const ANY = 0;

export type DeviceFollower = { readonly close: () => Promise<void> };

/**
 * Attaches once now, and again as soon as the kernel tells that a network device has come or that a filter was taken from
 * one. Devices are known by their numbers: one that is made again has another, also under the same name.
 *
 * @param netns the path of a network namespace; else this process's own
 */
export function followDevices(
  attach: () => Promise<void>,
  onError: (error: unknown) => unknown,
  netns = "",
): DeviceFollower {
  const known = new Set<number>();
  const closing = new AbortController();
  let due = true;
  let running: Promise<void> | undefined;
  const watch = new (native().DeviceWatch)(netns, (change, device) => {
    if (change === deviceChange.came && known.has(device)) return;
    if (change === deviceChange.came) known.add(device);
    else known.delete(device);
    if (device === ANY) known.clear();
    if (change === deviceChange.gone) return;
    due = true;
    start();
  });
  start();

  function start(): void {
    if (closing.signal.aborted) return;
    running ??= run().finally(() => {
      running = undefined;
    });
  }

  async function run(): Promise<void> {
    while (due && !closing.signal.aborted) {
      due = false;
      await attach().catch((error: unknown) => {
        due = true;
        onError(error);
      });
      await sleep(due ? RETRY_MS : GAP_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  return {
    close: async () => {
      closing.abort();
      watch.close();
      await running;
    },
  };
}
