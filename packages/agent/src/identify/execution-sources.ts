import type { ExecEvent, ExecKey, TaskRecord } from "../kernel/contract.ts";
import type { Execution } from "./execution.ts";
import { readProcStrings } from "./proc.ts";

/** Where the kernel's copy was cut off, the rest is read from the process; what it may have changed only adds. */
export async function executionOfEvent(event: ExecEvent): Promise<Execution> {
  const { tgid, file, uid, task, timeNs, filename } = event;
  const exec = { execNs: task.execNs, execTgid: task.execTgid };
  const argv =
    event.argumentsTruncated || event.argumentsUnreadable
      ? await readProcStrings(tgid, "cmdline")
      : event.arguments;
  const environment = event.environmentTruncated
    ? [...new Set([...event.environment, ...(await readProcStrings(tgid, "environ"))])]
    : event.environment;
  const { cgroupId, ppid } = task;
  return {
    exec,
    tgid,
    file,
    uid,
    cgroupId,
    ppid,
    beganNs: timeNs,
    filename,
    argv,
    environment,
    cwdInode: event.cwdInode,
  };
}

/** A process that was running already: its arguments as /proc shows them now. */
export async function executionOfTask(record: TaskRecord, exec: ExecKey): Promise<Execution> {
  const { tgid, file, uid, cgroupId, ppid, timeNs } = record;
  return {
    exec: { execNs: exec.execNs, execTgid: exec.execTgid },
    tgid,
    file,
    uid,
    cgroupId,
    ppid,
    beganNs: timeNs,
    filename: "",
    argv: await readProcStrings(tgid, "cmdline"),
    environment: await readProcStrings(tgid, "environ"),
    cwdInode: undefined,
  };
}
