import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { agentError } from "../agent-error.ts";

/** The process that holds a state directory, or null. A number that another process got since doesn't count. */
export async function holderOf(stateDir: string): Promise<number | null> {
  const text = await readFile(join(stateDir, "agent.pid"), "utf8").catch(() => "");
  const [pid, started] = text.trim().split(" ");
  if (pid === undefined || started === undefined || !/^\d+$/.test(pid)) return null;
  return (await startTimeOf(Number(pid))) === started ? Number(pid) : null;
}

/** Makes this process the only agent on a state directory. */
export async function lockState(stateDir: string): Promise<void> {
  const holder = await holderOf(stateDir);
  if (holder !== null && holder !== process.pid) {
    throw agentError(
      "agent-running",
      `an agent already runs on \`${stateDir}\` as process ${holder}`,
      "stop it first, or give this one a state directory of its own with --state",
    );
  }
  await overwrite(join(stateDir, "agent.pid"), `${process.pid} ${await startTimeOf(process.pid)}\n`);
}

/** In the room that the file has already: a restart must work on a full disk. */
async function overwrite(path: string, text: string): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    await file.write(text, 0);
    await file.truncate(Buffer.byteLength(text));
  } finally {
    await file.close();
  }
}

/**
 * Field 22 of proc_pid_stat(5): clock ticks since boot; undefined for a process that has ended and only waits to be
 * reaped. The name in field 2 may hold blanks and brackets.
 */
async function startTimeOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ") ?? [];
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}
