import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";

/** What a process used until it ended: seconds of CPU, and the most memory it had at once. */
export type Usage = { readonly cpuSeconds: number; readonly peakMiB: number; readonly output: string };

const LOOK_MS = 50;
/** Clock ticks a second in /proc/PID/stat: USER_HZ, 100 on every Linux. */
const TICKS = 100;

/** Runs a command with this on its standard input. Throws where it does not exit with 0. */
export async function usageOf(
  command: string,
  args: readonly string[],
  input: Iterable<Buffer>,
): Promise<Usage> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  let [cpuSeconds, peakMiB] = [0, 0];
  const look = () => {
    const seen = usageNow(child.pid ?? 0);
    // What has ended has no memory any more.
    if (seen !== null) [cpuSeconds, peakMiB] = [seen[0], Math.max(peakMiB, seen[1])];
  };
  const timer = setInterval(look, LOOK_MS);
  const output = text(child.stdout);
  const ended = once(child, "exit");
  for (const chunk of input) if (!child.stdin.write(chunk)) await once(child.stdin, "drain");
  child.stdin.end();
  const [code] = await ended;
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} exited with ${code}`);
  return { cpuSeconds, peakMiB, output: await output };
}

/** Null where the process is gone. */
function usageNow(pid: number): [cpuSeconds: number, peakMiB: number] | null {
  try {
    // Fields 14 and 15, counted behind the command's closing bracket (proc(5)).
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const peak = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return [(Number(fields[11]) + Number(fields[12])) / TICKS, Math.round(Number(peak ?? 0) / 1024)];
  } catch {
    return null;
  }
}
