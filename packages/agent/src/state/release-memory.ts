import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { native } from "../kernel/native.ts";

/**
 * Gives back what a start needs and the work after it does not: garbage, freed heap, and pages of Node.js itself that
 * were read while it started. Takes some tens of milliseconds of the event loop.
 */
export function releaseMemory(): void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("globalThis.gc");
  if (typeof collect === "function") collect();
  native().releaseMemory();
}
