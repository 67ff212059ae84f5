import { vi } from "vitest";
import type { ExecEvent } from "../contract.ts";
import type { TestHost } from "./host.ts";
import { SLOWNESS } from "./requirements.ts";

/** Run by no test for its own sake. */
const MARK = "/bin/false";

/** The executions that were told, with all before this call: the ring keeps their order, and one more is waited for. */
export async function execsTold(host: TestHost): Promise<readonly ExecEvent[]> {
  const execs = () => host.events.filter((event): event is ExecEvent => event.type === "exec");
  const marks = () => execs().filter(({ filename }) => filename === MARK).length;
  const before = marks();
  await host.run([MARK]);
  await vi.waitUntil(() => marks() > before, { timeout: 10_000 * SLOWNESS, interval: 5 });
  return execs().filter(({ filename }) => filename !== MARK);
}
