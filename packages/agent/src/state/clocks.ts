import { readFile, stat } from "node:fs/promises";

/** The kernel's name for this boot: what was numbered in another one means nothing now. */
export async function readBootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/** A name for the pinned maps themselves: another one after every boot and every fresh load. */
export async function readMapsName(pinDir: string): Promise<string> {
  const pin = await stat(`${pinDir}/maps/identities`, { bigint: true });
  return `${await readBootId()} ${pin.ino} ${pin.ctimeNs}`;
}

/** Nanoseconds since 1970, by the clock as it is set now: `performance` would go on with the one of the agent's start. */
export function wallNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
