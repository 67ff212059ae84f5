import { vi } from "vitest";
import type { DenialEvent, ExecEvent, KernelEvent } from "../contract.ts";
import type { TestHost } from "./host.ts";
import { SLOWNESS } from "./requirements.ts";

/** Run by no test for its own sake. */
const MARK = "/bin/false";
const isMark = (event: KernelEvent) => event.type === "exec" && event.filename === MARK;

/** What was told, with all before this call: the ring keeps its order, and one more execution is waited for. */
export async function eventsTold(host: TestHost): Promise<readonly KernelEvent[]> {
  const marks = () => host.events.filter(isMark).length;
  const before = marks();
  await host.run([MARK]);
  await vi.waitUntil(() => marks() > before, { timeout: 10_000 * SLOWNESS, interval: 5 });
  return host.events.filter((event) => !isMark(event));
}

export async function execsTold(host: TestHost): Promise<readonly ExecEvent[]> {
  return (await eventsTold(host)).filter((event) => event.type === "exec");
}

export async function denialsTold(host: TestHost): Promise<readonly DenialEvent[]> {
  return (await eventsTold(host)).filter((event) => event.type === "denial");
}
