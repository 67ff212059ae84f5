import type { PathView } from "@ringwall/protocol/rest";
import type { UserServices } from "../api/users/services.ts";
import { listAlerts } from "../jobs/alerts.ts";
import { policyViews, segmentViews, workloadViews } from "../jobs/fleet-views.ts";
import { flowOf } from "../jobs/flow-records.ts";
import { mapOf } from "../jobs/map-view.ts";
import { createNamer } from "../jobs/software-names.ts";
import { loadSoftware } from "../jobs/software-views.ts";
import { statusOf } from "../jobs/status-view.ts";
import { upgradesOf } from "../jobs/upgrade-views.ts";
import { FLOW_SLOT_SECONDS, loadWindow } from "../jobs/window.ts";
import type { KnownPath } from "../proof/proofs-parts.ts";
import { loadAudit } from "../store/state/audit.ts";
import { loadRevisions } from "../store/state/revisions.ts";
import { EDGES, namingSoftware, type UserServicesParts, worldInForce } from "./parts.ts";

/** Flows of one answer where no limit is given. */
const FLOWS_LIMIT_DEFAULT = 1_000;
/** How far back programs are compared with what they were. */
const UPGRADES_SINCE = "30d";
const REVISIONS_LISTED_MAX = 1_000;
const AUDIT_LISTED_MAX = 1_000;
const PATHS_LISTED_MAX = 10_000;

type Views = Pick<
  UserServices,
  | "status"
  | "workloads"
  | "software"
  | "upgrades"
  | "segments"
  | "policies"
  | "alerts"
  | "audit"
  | "paths"
  | "revisions"
  | "flows"
  | "map"
  | "listen"
>;

/** Everything that is only read. */
export function createViews(parts: UserServicesParts): Views {
  const { db, flows } = parts;
  return {
    status: () => statusOf(parts),
    async workloads() {
      const { set, inventory } = worldInForce(parts);
      return workloadViews(set, inventory, parts);
    },
    software: async () => loadSoftware(flows, createNamer(await namingSoftware(parts))),
    async upgrades() {
      const { inventory } = worldInForce(parts);
      const { seen } = await loadWindow(flows, inventory, { since: UPGRADES_SINCE, ...EDGES });
      return upgradesOf(seen);
    },
    async segments() {
      const { set, inventory } = worldInForce(parts);
      const { seen } = await loadWindow(flows, inventory, { since: undefined, ...EDGES, deniedOnly: true });
      return segmentViews(set, inventory, seen);
    },
    async policies() {
      const { set, inventory } = worldInForce(parts);
      const { seen } = await loadWindow(flows, inventory, { since: undefined, ...EDGES });
      return policyViews(set, seen);
    },
    alerts: () => listAlerts(db),
    paths: async () => parts.proofs.paths().slice(0, PATHS_LISTED_MAX).map(pathViewOf),
    async audit() {
      const entries = await loadAudit(db, AUDIT_LISTED_MAX);
      return entries.map(({ time, actor, what, details }) => ({
        time: time.toISOString(),
        actor,
        what,
        details: { ...details },
      }));
    },
    async revisions() {
      const revisions = await loadRevisions(db, REVISIONS_LISTED_MAX);
      return revisions.map((one) => ({ ...one, time: one.time.toISOString() }));
    },
    async flows(query) {
      const { inventory } = worldInForce(parts);
      const { seen } = await loadWindow(flows, inventory, {
        withSockets: true,
        since: query.since,
        slotSeconds: FLOW_SLOT_SECONDS,
        perSlot: true,
        limit: query.limit ?? FLOWS_LIMIT_DEFAULT,
        ...(query.workload === undefined ? {} : { workload: query.workload }),
        ...(query.verdict === undefined ? {} : { verdict: query.verdict }),
      });
      return { flows: seen.map(flowOf) };
    },
    async map(since) {
      const { set, inventory } = worldInForce(parts);
      const { seen } = await loadWindow(flows, inventory, { since, ...EDGES });
      return mapOf(seen, set, inventory, createNamer(await namingSoftware(parts)));
    },
    listen: parts.listen,
  };
}

function pathViewOf({ datagrams, source, destination, state, sinceMs, lastMs, totals }: KnownPath): PathView {
  const since = sinceMs === null ? null : new Date(sinceMs).toISOString();
  const lastReport = new Date(lastMs).toISOString();
  return {
    source,
    destination,
    ...(datagrams ? { proto: "udp" as const } : {}),
    state,
    since,
    lastReport,
    ...totals,
  };
}
