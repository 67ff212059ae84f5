import { setTimeout as sleep } from "node:timers/promises";
import type { HostPolicy } from "@ringwall/policy/lower";
import {
  canaries,
  controls,
  type DrillOrder,
  type DrillReport,
  DrillRole,
  DrillState,
  type DrillTerms,
  receiverCanaries,
  receiverControls,
} from "@ringwall/protocol/agent";
import type { Enforcer } from "../apply/enforcer.ts";
import { makeAttempts } from "./attempts.ts";
import { loadLastDrill, saveLastDrill } from "./last-drill.ts";
import { acceptOrder } from "./order.ts";
import { type DrillPlace, makePlace, removeLeftovers } from "./place.ts";
import { withDrill } from "./rules.ts";
import { openSink } from "./sink.ts";

export type DrillerParts = {
  readonly stateDir: string;
  readonly workload: string;
  readonly caCertificate: () => string;
  readonly cgroup: string;
  /** A container's: its programs and network are its own, a drill's would have to be put into them. */
  readonly carried: boolean;
  readonly proves: boolean;
  readonly enforcer: Pick<Enforcer, "extend" | "policy">;
  /** Tells the controller; throws where it is not there. */
  readonly report: (report: Omit<DrillReport, "$typeName" | "$unknown">) => Promise<void>;
  readonly nowMs: () => number;
  readonly onProblem: (message: string) => void;
};

/** This host's part in drills: one at a time, by signed orders only. */
export type Driller = {
  readonly take: (order: DrillOrder) => Promise<void>;
  readonly stop: () => Promise<void>;
};

type Drill = { readonly terms: DrillTerms; readonly end: AbortController; readonly done: Promise<void> };

/** What comes of the order, as the controller is told. */
type Outcome = Partial<Pick<DrillReport, "problem" | "attempts" | "arrived" | "senderPort" | "receiverPort">>;

export async function createDriller(parts: DrillerParts): Promise<Driller> {
  await removeLeftovers(parts.stateDir);
  let last = await loadLastDrill(parts.stateDir);
  let running: Drill | null = null;

  async function take(order: DrillOrder): Promise<void> {
    const { workload, nowMs } = parts;
    const accepted = acceptOrder(order, {
      caCertificate: parts.caCertificate(),
      workload,
      last,
      nowMs: nowMs(),
    });
    if (!accepted.ok) return parts.onProblem(`a drill was refused: ${accepted.error}`);
    const terms = accepted.value;
    const { run, role } = terms;
    last = run === last.run ? { run, roles: [...last.roles, role] } : { run, roles: [role] };
    await saveLastDrill(parts.stateDir, last);
    // A newer order ends what is under way: the controller has given that up.
    await stop();
    if (role === DrillRole.STOP) return;
    const end = new AbortController();
    const limit = setTimeout(() => end.abort(), terms.seconds * 1000);
    const done = drill(terms, end.signal)
      .catch((error: unknown) => tell(terms, DrillState.REFUSED, { problem: messageOf(error) }))
      .catch((error: unknown) => parts.onProblem(`a drill could not be reported: ${messageOf(error)}`))
      .finally(() => clearTimeout(limit));
    running = { terms, end, done };
  }

  async function stop(): Promise<void> {
    running?.end.abort();
    await running?.done;
    running = null;
  }

  async function drill(terms: DrillTerms, signal: AbortSignal): Promise<void> {
    if (parts.carried) {
      const problem = `\`${parts.workload}\` is a container; drill its host`;
      return tell(terms, DrillState.REFUSED, { problem });
    }
    const mode = modeOf(parts.enforcer.policy(), terms.role);
    if (terms.role === DrillRole.SENDER && mode !== "block") {
      const problem = `outbound is in ${mode} on \`${parts.workload}\`, where nothing is refused; drill a host in block`;
      return tell(terms, DrillState.REFUSED, { problem });
    }
    const place = await makePlace(parts.cgroup, parts.stateDir);
    try {
      await (terms.role === DrillRole.SINK
        ? beSink(terms, place, mode, signal)
        : beSender(terms, place, signal));
    } finally {
      await parts.enforcer.extend(null);
      await place.remove();
    }
  }

  function judgeBy(terms: DrillTerms, place: DrillPlace, senderPort: number, receiverPort: number) {
    const side = terms.role === DrillRole.SINK ? "receiver" : "sender";
    const { proves } = parts;
    const rules = { side, peer: terms.peerAddress, senderPort, receiverPort, proves } as const;
    return parts.enforcer.extend((policy) => withDrill(policy, { ...rules, software: place.software }));
  }

  async function beSink(
    terms: DrillTerms,
    place: DrillPlace,
    mode: string,
    signal: AbortSignal,
  ): Promise<void> {
    const judges = mode === "block";
    const atSender = await openSink(place, terms.ownAddress, terms.seconds);
    const atReceiver = judges ? await openSink(place, terms.ownAddress, terms.seconds) : null;
    try {
      const ports = { senderPort: atSender.port, receiverPort: atReceiver?.port ?? 0 };
      await judgeBy(terms, place, ports.senderPort, ports.receiverPort);
      await tell(terms, DrillState.READY, ports);
      // Until the controller says stop, or the time is up.
      await sleep(terms.seconds * 1000, undefined, { signal }).catch(() => undefined);
      const arrived = [...atSender.arrived(), ...(atReceiver?.arrived() ?? [])];
      await tell(terms, DrillState.ENDED, { ...ports, arrived });
    } finally {
      await Promise.all([atSender.close(), atReceiver?.close()]);
    }
  }

  async function beSender(terms: DrillTerms, place: DrillPlace, signal: AbortSignal): Promise<void> {
    const { peerAddress: address, senderPort, receiverPort } = terms;
    await judgeBy(terms, place, senderPort, receiverPort);
    const here = { address, port: senderPort };
    const attempts = [...(await makeAttempts([...controls, ...canaries], place, here, signal))];
    if (receiverPort !== 0) {
      const there = { address, port: receiverPort };
      const more = await makeAttempts([...receiverControls, ...receiverCanaries], place, there, signal);
      attempts.push(...more);
    }
    const problem = signal.aborted ? "the time was up before every attempt was made" : "";
    await tell(terms, DrillState.ENDED, { attempts: attempts.map(withTypeName), problem });
  }

  function tell({ run, role }: DrillTerms, state: DrillState, outcome: Outcome): Promise<void> {
    const empty = { problem: "", senderPort: 0, receiverPort: 0, attempts: [], arrived: [] };
    return parts.report({ workload: parts.workload, run, role, state, ...empty, ...outcome });
  }

  return { take, stop };
}

function withTypeName<T extends object>(attempt: T) {
  return { $typeName: "ringwall.agent.v1.DrillAttempt" as const, ...attempt };
}

function modeOf(policy: HostPolicy | null, role: DrillRole): string {
  const modes = policy?.modes;
  return (role === DrillRole.SINK ? modes?.inbound : modes?.outbound) ?? "no segment";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
