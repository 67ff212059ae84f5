import { hostname } from "node:os";
import { join } from "node:path";
import { defaultDataDir } from "../server/data-dir.ts";

/** Where the host's agent pins its programs and maps unless told otherwise; gone after a restart of the machine. */
export const PIN_DIR_DEFAULT = "/run/ringwall/bpf/agent";

/** Where the host's agent keeps its keys, journal and status unless told otherwise. */
export function agentStateDir(dataDir: string = defaultDataDir()): string {
  return join(dataDir, "agent");
}

/** The host's name as a workload name: what resources' names may not hold becomes `-`. */
export function workloadName(host: string = hostname()): string {
  const name = host.replace(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return name === "" ? "this-host" : name;
}
