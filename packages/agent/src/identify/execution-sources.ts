import type { ExecEvent, ExecKey, IdentityMissEvent, TaskRecord } from "../kernel/contract.ts";
import { NO_FILE } from "../kernel/proc-tasks.ts";
import type { Execution } from "./execution.ts";
import { foreignHandsOf } from "./foreign-hands.ts";
import { readProcStrings } from "./proc.ts";

/**
 * Only what the kernel copied before the program ran an instruction: /proc shows what the process has made of it since,
 * and a hostile one would write the arguments there that it likes.
 */
export function executionOfEvent(event: ExecEvent, tenant: string): Execution {
  const { tgid, file, uid, task, timeNs, filename, arguments: argv } = event;
  const exec = { execNs: task.execNs, execTgid: task.execTgid };
  const argvTruncated = event.argumentsTruncated || event.argumentsUnreadable;
  const { environment, environmentTruncated } = event;
  const { cgroupId, ppid } = task;
  return {
    exec,
    tgid,
    file,
    uid,
    cgroupId,
    tenant,
    ppid,
    beganNs: timeNs,
    filename,
    argv,
    argvTruncated,
    environmentTruncated,
    injected: task.injected === true,
    environment,
    hasRest: environmentTruncated,
    foreign: { userNamespace: event.userNamespace, traced: event.traced },
    cwdInode: event.cwdInode,
  };
}

/** What the kernel did not copy and stands there still is worth knowing: it can only add. */
export async function withRest(execution: Execution): Promise<Execution> {
  if (!execution.hasRest) return execution;
  const rest = await readProcStrings(execution.tgid, "environ");
  return { ...execution, environment: [...new Set([...execution.environment, ...rest])], hasRest: false };
}

/** A process that was running already: its arguments as /proc shows them now. */
export async function executionOfTask(record: TaskRecord, exec: ExecKey, tenant: string): Promise<Execution> {
  const { tgid, file, uid, cgroupId, ppid, timeNs } = record;
  return {
    exec: { execNs: exec.execNs, execTgid: exec.execTgid },
    tgid,
    file,
    uid,
    cgroupId,
    tenant,
    ppid,
    beganNs: timeNs,
    filename: "",
    argv: await readProcStrings(tgid, "cmdline"),
    argvTruncated: false,
    environmentTruncated: false,
    injected: false,
    environment: await readProcStrings(tgid, "environ"),
    hasRest: false,
    foreign: await foreignHandsOf(tgid),
    cwdInode: undefined,
  };
}

/**
 * An execution that gave way to others, as far as the kernel remembers it. What it was given is not
 * known any more: it counts as one with an environment that nobody has read.
 */
export function executionOfMiss(
  { process, tgid }: IdentityMissEvent,
  ppid: number,
  tenant: string,
): Execution {
  const { execNs, execTgid, uid, cgroupId } = process;
  return {
    exec: { execNs, execTgid },
    tgid,
    file: NO_FILE,
    uid,
    cgroupId,
    tenant,
    ppid,
    beganNs: execNs,
    filename: "",
    argv: [],
    argvTruncated: true,
    environmentTruncated: true,
    injected: true,
    environment: [],
    hasRest: false,
    foreign: { userNamespace: false, traced: false },
    cwdInode: undefined,
  };
}
