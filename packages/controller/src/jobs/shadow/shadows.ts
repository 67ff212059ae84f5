import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { fail, ok, type Resource, type Result } from "@ringwall/model";
import { type ShadowReport, ShadowReportSchema } from "@ringwall/protocol/agent";
import type { Hub } from "../../api/agents/hub.ts";
import { type DecodedShadow, decodeShadow } from "../../ingest/decode-shadow.ts";
import type { Refusal } from "../../refusal.ts";
import { recordAudit } from "../../store/state/audit.ts";
import type { Fleet } from "../../store/state/fleet.ts";
import type { StateDatabase } from "../../store/state/open.ts";
import {
  insertShadow,
  loadLastShadow,
  loadShadowDraft,
  loadShadowHost,
  loadShadowReports,
  type ShadowHost,
  type ShadowRun,
  saveShadowReport,
  stopShadow,
} from "../../store/state/shadows.ts";
import { compileFleet, compileProblems, worldOf } from "../compile-fleet.ts";
import type { EssentialSource } from "../essential.ts";
import { createMutex } from "../mutex.ts";
import { draftRefused, noShadow } from "./refusals.ts";

/** What one host has told of a run; null where nothing came yet. */
type HostShadow = { readonly workload: string; readonly told: DecodedShadow | null };

export type LastShadow = {
  readonly run: ShadowRun;
  readonly draft: readonly Resource[];
  readonly hosts: readonly HostShadow[];
};

/** Drafts beside what is in force: stored first, then sent; the controller keeps no state of them in memory. */
export type Shadows = {
  /** Compiles the draft for every host, ends the run before, and tells the hosts. */
  start(
    resources: readonly Resource[],
    seconds: number,
    actor: string,
  ): Promise<Result<{ readonly told: number }, Refusal>>;
  stop(actor: string): Promise<Result<void, Refusal>>;
  /** The newest run with its draft, and what the hosts told of it. */
  last(): Promise<Result<LastShadow, Refusal>>;
  /** What a host that connects has to hear. */
  greet(workload: string): Promise<void>;
  report(workload: string, report: ShadowReport): Promise<Result<void, string>>;
};

export type ShadowsParts = {
  readonly db: StateDatabase;
  readonly fleet: Fleet;
  readonly hub: Hub;
  readonly essential: EssentialSource;
  readonly onChange: () => void;
};

/** The revision that a draft is compiled as: it is none. */
const NO_REVISION = 0;

export function createShadows({ db, fleet, hub, essential, onChange }: ShadowsParts): Shadows {
  const oneAtATime = createMutex();

  const sendStart = (run: number, endsAt: Date, { workload, policy, digest }: ShadowHost) =>
    hub.send(workload, {
      case: "shadowStart",
      value: {
        $typeName: "ringwall.agent.v1.ShadowStart",
        run: BigInt(run),
        hostPolicy: policy,
        digest: Buffer.from(digest, "hex"),
        secondsLeft: Math.max(1, Math.ceil((endsAt.getTime() - Date.now()) / 1000)),
      },
    });
  const sendStop = (run: number, workload: string) =>
    hub.send(workload, {
      case: "shadowStop",
      value: { $typeName: "ringwall.agent.v1.ShadowStop", run: BigInt(run) },
    });

  const start: Shadows["start"] = async (resources, seconds, actor) => {
    const world = worldOf(resources, fleet);
    if (!world.ok) return fail(draftRefused(world.error));
    const compiled = await compileFleet(world.value, NO_REVISION, fleet.all(), essential, Date.now());
    const compiles = compileProblems(compiled);
    if (!compiles.ok) return fail(draftRefused(compiles.error));
    const hosts = compiled.flatMap(({ workload, result }) =>
      result.ok ? [{ workload, ...result.value }] : [],
    );
    const endsAt = new Date(Date.now() + seconds * 1000);
    const run = await insertShadow(db, { startedBy: actor, endsAt, resources }, hosts, Date.now());
    await recordAudit(db, actor, "start shadow", { run, seconds, hosts: hosts.length });
    onChange();
    return ok({ told: hosts.filter((host) => sendStart(run, endsAt, host)).length });
  };

  return {
    start: (resources, seconds, actor) => oneAtATime(() => start(resources, seconds, actor)),
    stop: (actor) =>
      oneAtATime(async () => {
        const last = await loadLastShadow(db);
        if (last === null || !isRunning(last)) return fail(noShadow("no draft is a shadow now"));
        await stopShadow(db, last.run);
        await recordAudit(db, actor, "stop shadow", { run: last.run });
        for (const workload of hub.connected()) sendStop(last.run, workload);
        onChange();
        return ok(undefined);
      }),
    async last() {
      const run = await loadLastShadow(db);
      if (run === null) return fail(noShadow("no draft was a shadow yet"));
      const draft = await loadShadowDraft(db, run.run);
      const rows = await loadShadowReports(db, run.run);
      const hosts = rows.map(({ workload, report }) => ({ workload, told: toldBy(report) }));
      return ok({ run, draft, hosts });
    },
    async greet(workload) {
      const last = await loadLastShadow(db);
      if (last === null) return;
      if (!isRunning(last)) {
        sendStop(last.run, workload);
        return;
      }
      const host = await loadShadowHost(db, last.run, workload);
      if (host !== null) sendStart(last.run, last.endsAt, host);
    },
    async report(workload, report) {
      const decoded = decodeShadow(report);
      if (!decoded.ok) return decoded;
      // One of a run that is forgotten is none of our business any more.
      const bytes = Buffer.from(toBinary(ShadowReportSchema, create(ShadowReportSchema, report)));
      await saveShadowReport(db, Number(report.run), workload, bytes);
      return ok(undefined);
    },
  };
}

export function isRunning(run: ShadowRun): boolean {
  return run.stoppedAt === null && run.endsAt.getTime() > Date.now();
}

function toldBy(report: Buffer | null): DecodedShadow | null {
  if (report === null) return null;
  const decoded = decodeShadow(fromBinary(ShadowReportSchema, report));
  if (!decoded.ok)
    throw new Error(`bug: a stored report does not pass the check it passed: ${decoded.error}`);
  return decoded.value;
}
