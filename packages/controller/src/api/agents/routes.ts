import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import type { Result } from "@ringwall/model";
import { AgentService, HEARTBEAT_SECONDS } from "@ringwall/protocol/agent";
import type { Outgoing } from "./hub.ts";
import { requireAgent } from "./peer.ts";
import type { AgentRefusal, AgentServices } from "./services.ts";

const CODES: Readonly<Record<AgentRefusal["code"], Code>> = {
  invalid: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  denied: Code.PermissionDenied,
  exists: Code.AlreadyExists,
  precondition: Code.FailedPrecondition,
  unavailable: Code.Unavailable,
};

/** Carries the time by which all agents keep the epochs of their proofs. */
function heartbeat(): Outgoing {
  const timeMs = BigInt(Date.now());
  return { case: "heartbeat", value: { $typeName: "ringwall.agent.v1.Heartbeat", timeMs } };
}

/** The agents' API on a Connect router: authenticates, delegates, and turns refusals into Connect errors. */
export function agentRoutes(services: AgentServices): (router: ConnectRouter) => void {
  const callerOf = (context: HandlerContext, claimed: string | null) => {
    const workload = requireAgent(context, services.standingOf, claimed);
    services.heard(workload);
    return workload;
  };
  return (router) =>
    router.service(AgentService, {
      enroll: async (request) => unwrap(await services.enroll(request)),
      async enrollCarried(request, context) {
        return unwrap(await services.enrollCarried(callerOf(context, null), request));
      },
      async renew(request, context) {
        return unwrap(await services.renew(callerOf(context, null), request.csr));
      },
      async *subscribe(request, context) {
        const workload = callerOf(context, request.workload);
        const subscription = unwrap(await services.subscribe(workload, request.generation, request.version));
        // The agent may have gone while it was greeted.
        if (context.signal.aborted) subscription.close();
        context.signal.addEventListener("abort", () => subscription.close(), { once: true });
        yield { message: heartbeat() };
        yield* withHeartbeats(subscription);
      },
      async reportFlows(request, context) {
        unwrap(await services.flows(callerOf(context, request.workload), request));
        return {};
      },
      async reportExecs(request, context) {
        unwrap(await services.execs(callerOf(context, request.workload), request));
        return {};
      },
      async reportShadow(request, context) {
        unwrap(await services.shadow(callerOf(context, request.workload), request));
        return {};
      },
      async reportStatus(request, context) {
        unwrap(await services.status(callerOf(context, request.workload), request));
        return {};
      },
      async reportActions(request, context) {
        unwrap(await services.actions(callerOf(context, request.workload), request));
        return {};
      },
      async offerProofKey(request, context) {
        unwrap(await services.offerProofKey(callerOf(context, request.workload), request));
        return {};
      },
      async numberIdentities(request, context) {
        const workload = callerOf(context, request.workload);
        return unwrap(await services.numberIdentities(workload, request));
      },
      async fetchProof(request, context) {
        return unwrap(await services.fetchProof(callerOf(context, request.workload), request));
      },
      async reportDrill(request, context) {
        unwrap(await services.drill(callerOf(context, request.workload), request));
        return {};
      },
      async reportProofs(request, context) {
        unwrap(await services.reportProofs(callerOf(context, request.workload), request));
        return {};
      },
    });
}

async function* withHeartbeats(messages: AsyncIterable<Outgoing>): AsyncGenerator<{ message: Outgoing }> {
  const iterator = messages[Symbol.asyncIterator]();
  try {
    let next = iterator.next();
    for (;;) {
      const timer = Promise.withResolvers<"silence">();
      const handle = setTimeout(() => timer.resolve("silence"), HEARTBEAT_SECONDS * 1000);
      const result = await Promise.race([next, timer.promise]);
      clearTimeout(handle);
      if (result === "silence") {
        yield { message: heartbeat() };
        continue;
      }
      if (result.done === true) return;
      yield { message: result.value };
      next = iterator.next();
    }
  } finally {
    await iterator.return?.();
  }
}

function unwrap<T>(result: Result<T, AgentRefusal>): T {
  if (result.ok) return result.value;
  throw new ConnectError(result.error.message, CODES[result.error.code]);
}
