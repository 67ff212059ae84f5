import { homedir } from "node:os";
import { join } from "node:path";

/** Where this machine's controller keeps its data unless told otherwise: for root the system's place, else the user's. */
export function defaultDataDir(): string {
  const given = process.env["RINGWALL_DATA"];
  if (given !== undefined && given !== "") return given;
  if (process.geteuid?.() === 0) return "/var/lib/ringwall";
  const base = process.env["XDG_DATA_HOME"];
  return join(base === undefined || base === "" ? join(homedir(), ".local/share") : base, "ringwall");
}

/** The file in which a running controller of this machine leaves its address, for the command line to find it. */
export function addressFile(dataDir: string): string {
  return join(dataDir, "users-url");
}

/** The operator's token, written by the controller, readable by its user alone. */
export function operatorTokenFile(dataDir: string): string {
  return join(dataDir, "operator.token");
}
