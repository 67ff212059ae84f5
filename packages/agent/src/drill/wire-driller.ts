import type { Logger } from "pino";
import type { AgentOptions } from "../agent-options.ts";
import type { Enforcer } from "../apply/enforcer.ts";
import { CALL_TIMEOUT_MS } from "../session/client.ts";
import type { Session } from "../session/session.ts";
import { createDriller, type Driller } from "./driller.ts";

/** This agent's part in drills, connected to the rest of it. */
export function wireDriller(
  options: AgentOptions,
  carried: boolean,
  { session, enforcer, log }: { session: Session; enforcer: Enforcer; log: Logger },
): Promise<Driller> {
  return createDriller({
    stateDir: options.stateDir,
    workload: session.credentials().workload,
    caCertificate: () => session.credentials().caCertificate,
    cgroup: options.cgroup,
    carried,
    proves: options.proof !== false,
    enforcer,
    report: async (report) => {
      await session.client()?.service.reportDrill(report, { timeoutMs: CALL_TIMEOUT_MS });
    },
    nowMs: Date.now,
    onProblem: (message) => log.warn(message),
  });
}
