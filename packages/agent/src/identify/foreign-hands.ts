import { readlink } from "node:fs/promises";
import type { ForeignHands } from "./execution.ts";
import { readProcText } from "./proc.ts";

/** Stand beside the variables that bring code into a program: a Software that doesn't list them doesn't match. */
export const IN_USER_NAMESPACE = "RINGWALL_USER_NAMESPACE=1";
export const TRACED = "RINGWALL_TRACED=1";

const CAP_SYS_PTRACE = 1n << 19n;

export function foreignEntries({ userNamespace, traced }: ForeignHands): string[] {
  return [...(userNamespace ? [IN_USER_NAMESPACE] : []), ...(traced ? [TRACED] : [])];
}

/** The same of a process that runs already, as /proc shows it now. */
export async function foreignHandsOf(tgid: number): Promise<ForeignHands> {
  const [theirs, ours, tracer] = await Promise.all([
    userNamespace(tgid),
    userNamespace("self"),
    tracerOf(tgid),
  ]);
  return {
    // One that can't be looked at has ended: nothing is said of it.
    userNamespace: theirs !== undefined && theirs !== ours,
    traced: tracer !== 0 && !(await mayTraceAnybody(tracer, ours)),
  };
}

function userNamespace(tgid: number | "self"): Promise<string | undefined> {
  return readlink(`/proc/${tgid}/ns/user`).catch(() => undefined);
}

async function tracerOf(tgid: number): Promise<number> {
  const status = (await readProcText(tgid, "status")) ?? "";
  return Number(/^TracerPid:\s*(\d+)$/m.exec(status)?.[1] ?? 0);
}

async function mayTraceAnybody(tgid: number, ours: string | undefined): Promise<boolean> {
  if ((await userNamespace(tgid)) !== ours) return false;
  const status = (await readProcText(tgid, "status")) ?? "";
  const effective = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1];
  return effective !== undefined && (BigInt(`0x${effective}`) & CAP_SYS_PTRACE) !== 0n;
}
