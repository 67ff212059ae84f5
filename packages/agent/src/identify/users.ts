import { readFileSync, statSync } from "node:fs";

/** Milliseconds for which /etc/passwd is not looked at again. */
const CHECK_EVERY_MS = 1000;

/** Names of numeric users by the host's /etc/passwd, read again when it changes; a user without a name is its number. */
export function createUserNames(file = "/etc/passwd", nowMs: () => number = () => performance.now()) {
  let names = new Map<number, string>();
  let checkedMs = Number.NEGATIVE_INFINITY;
  let mtimeMs = -1;

  function refresh(): void {
    if (nowMs() - checkedMs < CHECK_EVERY_MS) return;
    checkedMs = nowMs();
    try {
      const stat = statSync(file);
      if (stat.mtimeMs === mtimeMs) return;
      names = parsePasswd(readFileSync(file, "utf8"));
      mtimeMs = stat.mtimeMs;
    } catch {
      // A missing file means that no user has a name.
      names = new Map();
      mtimeMs = -1;
    }
  }

  return (uid: number): string => {
    refresh();
    return names.get(uid) ?? String(uid);
  };
}

/** passwd(5): the first entry of a number counts, as for getpwuid(3). */
export function parsePasswd(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name, , uid] = line.split(":");
    if (name === undefined || name === "" || uid === undefined || !/^\d+$/.test(uid)) continue;
    if (!names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}
