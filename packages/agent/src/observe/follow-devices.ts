import { networkInterfaces } from "node:os";

/**
 * Returns a step to be called now and then: where a network device has come since the last one, it attaches. Until it
 * does, refusals on a new device are right and take a second longer.
 */
export function createDeviceFollower(
  attach: () => Promise<void>,
  devices: () => readonly string[] = () => Object.keys(networkInterfaces()),
): () => Promise<void> {
  let known = new Set(devices());
  return async () => {
    const now = new Set(devices());
    const grown = [...now].some((name) => !known.has(name));
    if (grown) await attach();
    known = now;
  };
}
