import { readFileSync } from "node:fs";

/**
 * Returns a step to be called now and then: where a network device has come since the last one, it attaches. Until it
 * does, refusals on a new device are right and take a second longer.
 */
export function createDeviceFollower(
  attach: () => Promise<void>,
  devices: () => readonly string[] = devicesHere,
): () => Promise<void> {
  let known = new Set(devices());
  return async () => {
    const now = new Set(devices());
    const grown = [...now].some((name) => !known.has(name));
    if (grown) await attach();
    known = now;
  };
}

/** Of this process's network namespace; /sys/class/net may be another's. A list of addresses would cost far more. */
function devicesHere(): readonly string[] {
  const [, , ...lines] = readFileSync("/proc/self/net/dev", "utf8").trimEnd().split("\n");
  return lines.map((line) => line.slice(0, line.indexOf(":")).trim());
}
