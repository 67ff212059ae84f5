import { readFile, stat } from "node:fs/promises";

/** The kernel's name for this boot: what was numbered in another one means nothing now. */
export async function readBootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/**
 * A name for the pinned maps themselves: another one after every boot and every fresh load. That of the folder: a map's own pin
 * is replaced when an upgrade takes over what is in it into another layout.
 */
export async function readMapsName(pinDir: string): Promise<string> {
  const { ino } = await stat(`${pinDir}/maps`, { bigint: true });
  return `${await readBootId()} ${ino}`;
}

/** Nanoseconds since 1970, by the clock as it is set now: `performance` would go on with the one of the agent's start. */
export function wallNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
