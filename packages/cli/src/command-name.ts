import { basename, delimiter, dirname, resolve } from "node:path";

/** How the user calls this program, for hints that can be pasted: `ringwall` where it is on the PATH, else as it was typed. */
export function commandName(environment: NodeJS.ProcessEnv = process.env): string {
  const typed = environment["RINGWALL_COMMAND"];
  if (typed === undefined || typed === "") return "ringwall";
  const folders = (environment["PATH"] ?? "").split(delimiter);
  const name = folders.includes(dirname(resolve(typed))) ? basename(typed) : typed;
  return environment["SUDO_USER"] === undefined ? name : `sudo ${name}`;
}
