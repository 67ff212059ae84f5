import { readdirSync, readFileSync } from "node:fs";
import type { GateParts } from "../exec/gate-process.ts";

/** The gates that a process has started and that still run. */
export function gatesOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").match(/\d+/g) ?? [])
    .filter((child) => readFileSync(`/proc/${child}/comm`, "utf8") === "ringwall-gate\n")
    .map(Number);
}

/** For a gate that lets everything run on those paths; `ends` gets how it ended by itself. */
export function lettingAll(paths: readonly string[], ends: string[]): GateParts {
  return {
    scope: "",
    paths,
    failOpen: false,
    onAsk: async () => ({ allow: true, keep: true }),
    onDenied: () => undefined,
    onExpired: () => undefined,
    onUnmarked: () => undefined,
    onEnd: (how) => ends.push(how),
  };
}
