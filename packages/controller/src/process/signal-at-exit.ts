import type { ChildProcess } from "node:child_process";

/** Signals a detached child where this process exits without having ended it: asked a second time to end, or by a fault. */
export function signalAtExit(child: ChildProcess, signal: NodeJS.Signals): void {
  const atExit = () => void child.kill(signal);
  process.once("exit", atExit);
  child.once("exit", () => process.off("exit", atExit));
}
