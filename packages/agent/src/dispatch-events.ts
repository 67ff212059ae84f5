import type { Carrier } from "./carry/carrier.ts";
import type { KernelEvent } from "./kernel/contract.ts";
import { refreshListeners } from "./refresh-listeners.ts";
import type { Agent } from "./wire.ts";

/** Milliseconds from the first denial to the report of all that came by then. */
const DRAIN_AFTER_DENIAL_MS = 100;

/**
 * Milliseconds between two looks at every process's sockets that unknown listeners ask for: what a container listens on
 * in a network of its own may stay unknown for ever, and a look costs seconds on a large host.
 */
const REFRESH_GAP_MS = 5000;

/**
 * Events in order; what takes long goes on beside the others, each answer belongs to one execution only. One that fails
 * keeps none of the others back.
 */
export function dispatchEvents(
  events: readonly KernelEvent[],
  agent: Agent,
  carrier: Carrier | undefined,
  onError: (error: unknown) => unknown,
): void {
  for (const event of events) {
    try {
      dispatch(event, agent, carrier, onError);
    } catch (error) {
      onError(error);
    }
  }
}

function dispatch(
  event: KernelEvent,
  agent: Agent,
  carrier: Carrier | undefined,
  onError: (error: unknown) => unknown,
): void {
  const { identifier } = agent;
  switch (event.type) {
    case "exec":
      identifier.onExec(event).catch(onError);
      break;
    case "identityMiss":
      identifier.onMiss(event).catch(onError);
      break;
    case "denial":
      agent.lateNames.note(event);
      drainSoon(agent, onError);
      break;
    case "unknownListener":
      refreshSoon(agent, onError);
      break;
    case "lsm":
      agent.execControl.onLsm(event).catch(onError);
      break;
    case "cgroup":
      if (carrier === undefined) agent.kernel.carrying.release(event.cgroupId);
      else carrier.onCgroup(event).catch(onError);
      break;
    case "proof":
      agent.prover?.onEvent(event).catch(onError);
      break;
  }
}

const draining = new WeakSet<Agent>();

/** A denial is told at once, many together. */
function drainSoon(agent: Agent, onError: (error: unknown) => unknown): void {
  if (draining.has(agent)) return;
  draining.add(agent);
  setTimeout(() => {
    draining.delete(agent);
    agent.reporter.drainSoon(agent.namesNow()).catch(onError);
  }, DRAIN_AFTER_DENIAL_MS);
}

const refreshing = new WeakSet<Agent>();

/** Looks for listeners now, unless that is being done or was done just before. */
function refreshSoon(agent: Agent, onError: (error: unknown) => unknown): void {
  if (refreshing.has(agent)) return;
  refreshing.add(agent);
  const rest = () => setTimeout(() => refreshing.delete(agent), REFRESH_GAP_MS).unref();
  refreshListeners(agent).catch(onError).finally(rest);
}
