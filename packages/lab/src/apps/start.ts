import type { LabHost, Program } from "../hosts/host.ts";
import type { Service } from "../hosts/process.ts";
import { onThisMachine } from "../slowness.ts";

const READY_MS_MAX = 30_000;
const READY_POLL_MS = 50;

/** Starts a program and waits until it says that it is ready, or until `answers` finds it so. */
export async function startReady(
  host: LabHost,
  program: Program,
  isReady: (service: Service) => boolean | Promise<boolean>,
): Promise<Service> {
  const service = host.start(program);
  const deadline = Date.now() + onThisMachine(READY_MS_MAX);
  while (!(await isReady(service))) {
    if (service.ended !== null) throw new Error(`${service.name} ended at once:\n${service.tail()}`);
    if (Date.now() > deadline) throw new Error(`${service.name} does not get ready:\n${service.tail()}`);
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
  return service;
}

/** For programs that print the line `ready`. */
export function saysReady(service: Service): boolean {
  return service.lines.includes("ready");
}
