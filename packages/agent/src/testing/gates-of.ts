import { readdirSync, readFileSync } from "node:fs";

/** The gates that a process has started and that still run. */
export function gatesOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").match(/\d+/g) ?? [])
    .filter((child) => readFileSync(`/proc/${child}/comm`, "utf8") === "ringwall-gate\n")
    .map(Number);
}
