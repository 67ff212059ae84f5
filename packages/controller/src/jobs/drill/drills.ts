import { create, toBinary } from "@bufbuild/protobuf";
import { fail, ok, type ProcessIdentity, type Result } from "@ringwall/model";
import {
  DRILL_SECONDS_MAX,
  type DrillReport,
  DrillRole,
  DrillState,
  type DrillTerms,
  DrillTermsSchema,
} from "@ringwall/protocol/agent";
import type { Logger } from "pino";
import type { Hub } from "../../api/agents/hub.ts";
import type { DecodedFlows } from "../../ingest/decode-flows.ts";
import type { Authority } from "../../pki/authority.ts";
import type { Refusal } from "../../refusal.ts";
import { unknownWorkload } from "../../services/refusals.ts";
import { recordAudit } from "../../store/state/audit.ts";
import { endDrill, failRunningDrills, insertDrill } from "../../store/state/drills.ts";
import type { Fleet } from "../../store/state/fleet.ts";
import type { StateDatabase } from "../../store/state/open.ts";
import { createMutex } from "../mutex.ts";
import { type DecodedDrill, decodeDrill } from "./decode-report.ts";
import { commonAddresses, type Ends } from "./ends.ts";
import { judgeDrill } from "./judge.ts";
import { isDrillProgram, type MarkedDrill, markFlows } from "./mark-flows.ts";
import { agentAway, drillRunning, noCommonFamily, sameHost } from "./refusals.ts";

/** One drill at a time: the controller orders, the two agents act and tell. */
export type Drills = {
  start(source: string, destination: string, actor: string): Promise<Result<number, Refusal>>;
  report(workload: string, report: DrillReport): Promise<Result<void, string>>;
  /** A host's flows with those of drills marked, which nobody learns from or is alerted by. */
  mark(workload: string, flows: DecodedFlows): DecodedFlows;
  /** Programs of a host without those of drills, of which nobody is told as new. */
  withoutOwn<P extends Pick<ProcessIdentity, "exe" | "script">>(
    workload: string,
    processes: readonly P[],
  ): P[];
  close(): void;
};

export type DrillsParts = {
  readonly db: StateDatabase;
  readonly fleet: Pick<Fleet, "get">;
  readonly hub: Pick<Hub, "send" | "isConnected">;
  readonly authority: Pick<Authority, "signDrill">;
  /** What the two prove to each other (`proofFeatures`). */
  readonly proofs: (source: string, destination: string) => readonly string[];
  readonly onChange: () => void;
  readonly log: Logger;
  readonly nowMs: () => number;
};

/** Seconds that the controller waits longer than the agents. */
const GRACE_SECONDS = 10;

type Running = Ends & {
  readonly run: number;
  readonly timer: NodeJS.Timeout;
  readonly mark: MarkedDrill;
  attempts: DecodedDrill["attempts"] | null;
  problem: string;
};

export async function createDrills(parts: DrillsParts): Promise<Drills> {
  const { db, fleet, hub, nowMs } = parts;
  const oneAtATime = createMutex();
  const marks: MarkedDrill[] = [];
  let running: Running | null = null;
  await failRunningDrills(db);

  async function order(role: DrillRole, ports: { senderPort: number; receiverPort: number }): Promise<void> {
    if (running === null) return;
    const { run, source, destination } = running;
    const [own, peer] = role === DrillRole.SENDER ? [source, destination] : [destination, source];
    const terms: Omit<DrillTerms, "$typeName" | "$unknown"> = {
      run: BigInt(run),
      workload: own.name,
      role,
      issuedMs: BigInt(nowMs()),
      seconds: DRILL_SECONDS_MAX,
      peer: peer.name,
      peerAddress: peer.address,
      ownAddress: own.address,
      ...ports,
    };
    const bytes = toBinary(DrillTermsSchema, create(DrillTermsSchema, terms));
    const signature = await parts.authority.signDrill(bytes);
    const value = { $typeName: "ringwall.agent.v1.DrillOrder" as const, terms: bytes, signature };
    if (!hub.send(own.name, { case: "drill", value }))
      await end("failed", `the agent on \`${own.name}\` is gone`);
  }

  async function end(state: "ended" | "failed", problem: string, arrived: ReadonlySet<string> = new Set()) {
    if (running === null) return;
    const { run, source, destination, timer, attempts } = running;
    clearTimeout(timer);
    running.mark.endedMs = nowMs();
    running = null;
    const rows =
      state === "ended" ? judgeDrill(attempts ?? [], arrived, closedBy(source.name, destination.name)) : [];
    await endDrill(db, run, { state, problem, rows });
    parts.onChange();
  }

  /** What the hosts have that closes what is open elsewhere. */
  function closedBy(source: string, destination: string): ReadonlySet<string> {
    const features = fleet.get(source)?.capabilities?.["features"];
    const available = Array.isArray(features)
      ? features.flatMap((one) => (one?.available === true && typeof one.name === "string" ? [one.name] : []))
      : [];
    return new Set([...available, ...parts.proofs(source, destination)]);
  }

  async function start(source: string, destination: string, actor: string): Promise<Result<number, Refusal>> {
    if (source === destination) return fail(sameHost());
    if (running !== null) return fail(drillRunning(running.run));
    for (const name of [source, destination]) {
      if (fleet.get(name) === undefined) return fail(unknownWorkload(name));
      if (!hub.isConnected(name)) return fail(agentAway(name));
    }
    const addresses = commonAddresses(
      fleet.get(source)?.addresses ?? [],
      fleet.get(destination)?.addresses ?? [],
    );
    if (addresses === null) return fail(noCommonFamily(source, destination));
    const run = await insertDrill(db, { source, destination, startedBy: actor }, nowMs());
    await recordAudit(db, actor, "start drill", { run, source, destination });
    const ends: Ends = {
      source: { name: source, address: addresses[0] },
      destination: { name: destination, address: addresses[1] },
    };
    const late = () => {
      oneAtATime(() => end("failed", "the agents did not end it in time")).catch((error: unknown) =>
        parts.log.error({ err: error }, "the end of a drill could not be stored"),
      );
    };
    const timer = setTimeout(late, (DRILL_SECONDS_MAX + GRACE_SECONDS) * 1000);
    timer.unref();
    const mark: MarkedDrill = { ...ends, ports: [], endedMs: null };
    marks.push(mark);
    running = { ...ends, run, timer, mark, attempts: null, problem: "" };
    await order(DrillRole.SINK, { senderPort: 0, receiverPort: 0 });
    parts.onChange();
    return ok(run);
  }

  async function take(workload: string, told: DecodedDrill): Promise<void> {
    if (running === null || told.run !== running.run) return;
    const isSource = workload === running.source.name && told.role === DrillRole.SENDER;
    const isSink = workload === running.destination.name && told.role === DrillRole.SINK;
    if (!isSource && !isSink) return;
    if (told.state === DrillState.REFUSED) {
      const problem = `\`${workload}\`: ${told.problem}`;
      if (isSource) await order(DrillRole.STOP, { senderPort: 0, receiverPort: 0 });
      return end("failed", problem);
    }
    if (isSink && told.state === DrillState.READY) {
      const { senderPort, receiverPort } = told;
      running.mark.ports = [senderPort, receiverPort].filter((port) => port !== 0);
      return order(DrillRole.SENDER, { senderPort, receiverPort });
    }
    if (isSource && told.state === DrillState.ENDED) {
      running.attempts = told.attempts;
      running.problem = told.problem;
      return order(DrillRole.STOP, { senderPort: 0, receiverPort: 0 });
    }
    if (isSink && told.state === DrillState.ENDED) {
      if (running.attempts === null) return end("failed", `the listener on \`${workload}\` ended too early`);
      return end("ended", running.problem, told.arrived);
    }
  }

  return {
    start: (source, destination, actor) => oneAtATime(() => start(source, destination, actor)),
    async report(workload, report) {
      const decoded = decodeDrill(report);
      if (!decoded.ok) return decoded;
      await oneAtATime(() => take(workload, decoded.value));
      return ok(undefined);
    },
    mark: (workload, flows) => markFlows(workload, flows, marks, nowMs()),
    withoutOwn: (workload, processes) => processes.filter((one) => !isDrillProgram(workload, one, marks)),
    close: () => clearTimeout(running?.timer),
  };
}
