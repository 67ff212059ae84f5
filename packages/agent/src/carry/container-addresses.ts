import { readFile, readlink } from "node:fs/promises";
import { CARRIED_ADDRESSES_MAX } from "../kernel/carrying.ts";
import { type LocalAddress, parseAddress } from "../observe/addresses.ts";

const WHOLE = 128;

/**
 * The addresses of a process's network namespace but loopback and link-local ones; none where it shares ours, for then
 * they are the host's.
 */
export async function observeAddressesOf(pid: number): Promise<LocalAddress[]> {
  const [theirs, ours] = await Promise.all(
    [pid, "self"].map((who) => readlink(`/proc/${who}/ns/net`).catch(() => "")),
  );
  if (theirs === "" || theirs === ours) return [];
  const read = (name: string) => readFile(`/proc/${pid}/net/${name}`, "utf8").catch(() => "");
  const texts = [...parseFibTrie(await read("fib_trie")), ...parseIfInet6(await read("if_inet6"))];
  return [...new Set(texts)].flatMap((text) => {
    const bytes = parseAddress(text);
    return bytes === undefined ? [] : [{ bytes, text, bits: WHOLE }];
  });
}

/** Numbers of the devices that are up there: one that is made again has another, also under its name and address. */
export async function observeDevicesOf(pid: number): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/net/dev_mcast`, "utf8").catch(() => "");
  return [...new Set([...text.matchAll(/^(\d+)\s/gm)].map(([, number = ""]) => number))];
}

/**
 * As many as one container may have. Those that it had before come first, so that which ones count does not change with
 * each that is added.
 */
export function withinLimit(
  found: readonly LocalAddress[],
  before: readonly LocalAddress[],
  most: number = CARRIED_ADDRESSES_MAX,
): readonly LocalAddress[] {
  if (found.length <= most) return found;
  const had = new Set(before.map(({ text }) => text));
  const [kept, more] = [
    found.filter(({ text }) => had.has(text)),
    found.filter(({ text }) => !had.has(text)),
  ];
  return [...kept, ...more].slice(0, most);
}

/** IPv4 addresses that are the namespace's own: `|-- ADDRESS` above a line with `/32 host LOCAL`. */
export function parseFibTrie(text: string): string[] {
  const found: string[] = [];
  let address = "";
  for (const line of text.split("\n")) {
    address = /\|-- (\d+\.\d+\.\d+\.\d+)/.exec(line)?.[1] ?? address;
    if (/\/32 host LOCAL/.test(line) && !/^127\.|^169\.254\./.test(address)) found.push(address);
  }
  return [...new Set(found)];
}

/** proc(5): 32 digits, then device number, prefix length, scope (20 = link) and flags, name. */
export function parseIfInet6(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const [digits, , , scope] = line.trim().split(/\s+/);
    if (digits === undefined || !/^[0-9a-f]{32}$/.test(digits) || scope === "20" || scope === "10") return [];
    return [(digits.match(/.{4}/g) ?? []).join(":")];
  });
}
