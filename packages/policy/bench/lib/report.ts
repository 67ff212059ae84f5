import { createHash } from "node:crypto";
import { arch, cpus } from "node:os";

export function printMachine(): void {
  console.log(
    `${cpus()[0]?.model ?? "unknown CPU"} x ${cpus().length}, ${arch()}, Node.js ${process.versions.node}`,
  );
}

/** A short hash of a result, so that two runs can be seen to have done the same work. */
export function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 12);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** Value below which a share of them lies. */
export function percentile(values: readonly number[], share: number): number {
  return (
    values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0
  );
}

/** Milliseconds that a function takes, with its result. */
export function timed<T>(run: () => T): readonly [ms: number, value: T] {
  const start = performance.now();
  const value = run();
  return [performance.now() - start, value];
}

/** Seconds of CPU this process has used: other processes on a busy machine do not count. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
