import { fail, type Labels, ok, type Problem, type Resource, type Result } from "@ringwall/model";
import { formatResources, inventoryOf, policySetOf, resourcesOf } from "@ringwall/policy";
import { CONFIRM_WITHIN_SECONDS_DEFAULT } from "@ringwall/protocol/rest";
import type { Hub } from "../api/agents/hub.ts";
import type { ControllerEvent, UserServices } from "../api/users/services.ts";
import type { Authority } from "../pki/authority.ts";
import { createToken } from "../pki/enrollment-token.ts";
import { type Refusal, refusal } from "../refusal.ts";
import { CONNECTION_ROWS_MAX } from "../store/flows/connections.ts";
import type { FlowStore } from "../store/flows/flow-store.ts";
import { saveToken } from "../store/state/enrollment.ts";
import type { Fleet } from "../store/state/fleet.ts";
import type { StateDatabase } from "../store/state/open.ts";
import {
  loadDraft,
  loadFormerLive,
  loadRevision,
  loadRevisions,
  saveDraft,
} from "../store/state/revisions.ts";
import type { DraftFile } from "../store/state/tables.ts";
import { listAlerts } from "./alerts.ts";
import type { Changes } from "./changes.ts";
import { type World, worldOf } from "./compile-fleet.ts";
import { DRAFT_FILE, draftWithMode, parseDraft, sameResources, textOf, withMode } from "./draft.ts";
import { type EssentialSource, essentialOfFleet, MANAGEMENT_DEFAULT } from "./essential.ts";
import { policyViews, segmentViews, workloadViews } from "./fleet-views.ts";
import { flowOf } from "./flow-records.ts";
import { keptByPeople, learnFrom } from "./learn.ts";
import { mapOf } from "./map-view.ts";
import type { Rollout } from "./rollout.ts";
import { simulateSeen } from "./simulate.ts";
import { createNamer } from "./software-names.ts";
import { loadSoftware } from "./software-views.ts";
import { statusOf } from "./status-view.ts";
import { EDGE_SLOT_SECONDS, FLOW_SLOT_SECONDS, loadWindow } from "./window.ts";

export type UserServicesParts = {
  readonly db: StateDatabase;
  readonly fleet: Fleet;
  readonly flows: FlowStore;
  readonly hub: Hub;
  readonly changes: Changes;
  readonly rollout: Rollout;
  readonly authority: Authority;
  readonly essential: EssentialSource;
  readonly usersUrl: () => string;
  readonly agentsUrl: () => string;
  readonly listen: (listener: (event: ControllerEvent) => void) => () => void;
  readonly onChange: () => void;
};

/** Flows of one answer where no limit is given. */
const FLOWS_LIMIT_DEFAULT = 1_000;
const REVISIONS_LISTED_MAX = 1_000;
const TOKEN_TTL_SECONDS_DEFAULT = 3_600;

export function createUserServices(parts: UserServicesParts): UserServices {
  return {
    ...createViews(parts),
    ...createDraftServices(parts),
    ...createChangeServices(parts),
    ...createAdmin(parts),
  };
}

/** The world in force, for questions: a duplicate name must not take the whole console away. */
function worldInForce({ changes, fleet }: UserServicesParts): World {
  const { resources } = changes.inForce();
  const world = worldOf(resources, fleet);
  if (world.ok) return world.value;
  const inventory = inventoryOf(fleet.workloads());
  if (!inventory.ok) throw new Error("bug: two agents with one name");
  return { set: policySetOf(resources), inventory: inventory.value };
}

async function namer(parts: UserServicesParts) {
  const draft = parseDraft((await loadDraft(parts.db)).files);
  const inForce = policySetOf(parts.changes.inForce().resources).software;
  const names = new Set(inForce.map((one) => one.metadata.name));
  const drafted = draft.ok ? draft.value.software.filter((one) => !names.has(one.metadata.name)) : [];
  return createNamer([...inForce, ...drafted]);
}

const edges = { slotSeconds: EDGE_SLOT_SECONDS, perSlot: false, limit: CONNECTION_ROWS_MAX } as const;

type Views = Pick<
  UserServices,
  | "status"
  | "workloads"
  | "software"
  | "segments"
  | "policies"
  | "alerts"
  | "revisions"
  | "flows"
  | "map"
  | "listen"
>;

function createViews(parts: UserServicesParts): Views {
  const { db, fleet, flows, hub, rollout } = parts;
  return {
    status: () => statusOf(parts),
    async workloads() {
      const { set, inventory } = worldInForce(parts);
      return workloadViews(set, inventory, fleet, hub, rollout);
    },
    software: async () => loadSoftware(flows, await namer(parts)),
    async segments() {
      const { set, inventory } = worldInForce(parts);
      const { seen } = await loadWindow(flows, inventory, { since: undefined, ...edges });
      return segmentViews(set, inventory, seen);
    },
    async policies() {
      const { set, inventory } = worldInForce(parts);
      const { seen } = await loadWindow(flows, inventory, { since: undefined, ...edges });
      return policyViews(set, seen);
    },
    alerts: () => listAlerts(db),
    async revisions() {
      const revisions = await loadRevisions(db, REVISIONS_LISTED_MAX);
      return revisions.map(({ revision, time, author, note, state, resources }) => ({
        revision,
        time: time.toISOString(),
        author,
        note,
        state,
        segments: resources.filter((one) => one.kind === "Segment").length,
        rules: resources.reduce((sum, one) => sum + (one.kind === "Policy" ? one.spec.rules.length : 0), 0),
      }));
    },
    async flows(query) {
      const { inventory } = worldInForce(parts);
      const { seen } = await loadWindow(flows, inventory, {
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
      const { seen } = await loadWindow(flows, inventory, { since, ...edges });
      return mapOf(seen, set, inventory, await namer(parts));
    },
    listen: parts.listen,
  };
}

function createDraftServices(
  parts: UserServicesParts,
): Pick<UserServices, "draft" | "replaceDraft" | "learn" | "simulate"> {
  const { db, fleet, flows, changes, essential } = parts;
  const replyOf = (files: readonly DraftFile[], basedOn: number) => {
    const parsed = parseDraft(files);
    return { resources: parsed.ok ? [...resourcesOf(parsed.value)] : [], text: textOf(files), basedOn };
  };
  return {
    async draft() {
      const { files, basedOn } = await loadDraft(db);
      return replyOf(files, basedOn);
    },
    async replaceDraft(body) {
      const parsed = parseDraft(body.files);
      if (!parsed.ok) return parsed;
      const basedOn = changes.live().revision;
      await saveDraft(db, body.files, basedOn);
      parts.onChange();
      return ok(replyOf(body.files, basedOn));
    },
    async learn(body) {
      const draft = await loadDraft(db);
      const parsed = parseDraft(draft.files);
      const former = parsed.ok ? resourcesOf(parsed.value) : [];
      const { inventory } = worldInForce(parts);
      const { seen } = await loadWindow(flows, inventory, { since: body.since, ...edges });
      const kept = keptByPeople(former);
      const result = learnFrom(seen, inventory.workloads, {
        tightness: body.tightness,
        seed: body.seed,
        taken: kept.map((one) => one.metadata.name),
        essential: essential.controller.addresses.map((ip) => ({ ip, port: essential.controller.port })),
      });
      const resources = [...kept, ...result.resources];
      const text = formatResources(resources);
      if (body.keepDraft !== true) {
        await saveDraft(db, [{ file: DRAFT_FILE, text }], changes.live().revision);
        parts.onChange();
      }
      return ok({ resources, text, report: { ...result.report } });
    },
    async simulate(body) {
      const resources = await resourcesToSimulate(parts, body.revision);
      if (!resources.ok) return resources;
      const draft = worldOf(resources.value, fleet);
      if (!draft.ok) return fail(brokenWorld(draft.error));
      const { seen } = await loadWindow(flows, draft.value.inventory, { since: body.since, ...edges });
      const everyone = essentialOfFleet(essential, fleet.all());
      return ok(simulateSeen(seen, draft.value, worldInForce(parts), everyone, await namer(parts)));
    },
  };
}

async function resourcesToSimulate(
  { db }: UserServicesParts,
  revision: number | undefined,
): Promise<Result<readonly Resource[], Refusal>> {
  if (revision === undefined) {
    const parsed = parseDraft((await loadDraft(db)).files);
    return parsed.ok ? ok(resourcesOf(parsed.value)) : parsed;
  }
  const found = await loadRevision(db, revision);
  return found === null ? fail(noSuchRevision(revision)) : ok(found.resources);
}

function createChangeServices(
  parts: UserServicesParts,
): Pick<UserServices, "provision" | "mode" | "confirm" | "rollback"> {
  const { db, changes, essential } = parts;
  const seconds = (given: number | undefined) => given ?? CONFIRM_WITHIN_SECONDS_DEFAULT;
  const warnings =
    essential.management === MANAGEMENT_DEFAULT
      ? [
          "the management list is the default: SSH (tcp/22) stays open from every private network; name yours with --management",
        ]
      : [];
  /** The draft follows a change of the live revision as long as nobody has worked on it. */
  const followed = async (resources: readonly Resource[]): Promise<readonly DraftFile[] | null> => {
    const parsed = parseDraft((await loadDraft(db)).files);
    const untouched = parsed.ok && sameResources(resourcesOf(parsed.value), changes.live().resources);
    return untouched ? [{ file: DRAFT_FILE, text: formatResources(resources) }] : null;
  };
  return {
    async provision(body, actor) {
      const parsed = parseDraft((await loadDraft(db)).files);
      if (!parsed.ok) return parsed;
      return changes.apply({
        resources: resourcesOf(parsed.value),
        what: "provision",
        note: body.note ?? "",
        author: actor.name,
        confirmWithinSeconds: seconds(body.confirmWithinSeconds),
        draft: null,
        warnings,
      });
    },
    async mode(body, actor) {
      const live = changes.live();
      const segment = live.resources.find(
        (one) => one.kind === "Segment" && one.metadata.name === body.segment,
      );
      if (segment?.kind !== "Segment") return fail(noSuchSegment(body.segment, live.resources));
      const changed = withMode(segment, body.mode, body.directions);
      const what = `mode ${body.segment} ${body.mode}`;
      return changes.apply({
        resources: live.resources.map((one) => (one === segment ? changed : one)),
        what,
        note: what,
        author: actor.name,
        // Nothing can break by observing or alerting.
        confirmWithinSeconds: body.mode === "block" ? seconds(body.confirmWithinSeconds) : null,
        draft: draftWithMode((await loadDraft(db)).files, changed),
        warnings: body.mode === "block" ? warnings : [],
      });
    },
    confirm: () => changes.confirm(),
    async rollback(body, actor) {
      if (body.revision === undefined) {
        const reverted = await changes.revertNow();
        if (reverted !== null) return ok(reverted);
      }
      const target =
        body.revision === undefined ? await loadFormerLive(db) : await loadRevision(db, body.revision);
      if (target === null) {
        return fail(body.revision === undefined ? nothingToRollBack() : noSuchRevision(body.revision));
      }
      const what = `rollback to revision ${target.revision}`;
      return changes.apply({
        resources: target.resources,
        what,
        note: what,
        author: actor.name,
        confirmWithinSeconds: canBlock(target.resources) ? seconds(body.confirmWithinSeconds) : null,
        draft: await followed(target.resources),
        warnings: [],
      });
    },
  };
}

/** Whether something under these resources can be refused at all. */
function canBlock(resources: readonly Resource[]): boolean {
  return resources.some((one) => {
    if (one.kind === "Segment")
      return one.spec.mode === "block" || Object.values(one.spec.modes ?? {}).includes("block");
    if (one.kind === "Policy")
      return one.spec.rules.some((rule) => "deny" in rule && rule.enforcement === "immediate");
    return false;
  });
}

function createAdmin(
  parts: UserServicesParts,
): Pick<UserServices, "createEnrollmentToken" | "labelWorkload"> {
  const { db, fleet, hub, changes, rollout, authority } = parts;
  return {
    async createEnrollmentToken(body, actor) {
      const token = createToken(parts.agentsUrl(), authority.fingerprint);
      const expires = new Date(Date.now() + (body.ttlSeconds ?? TOKEN_TTL_SECONDS_DEFAULT) * 1000);
      const { hash } = token;
      const labels = body.labels ?? {};
      await saveToken(db, {
        hash,
        workload: body.workload ?? null,
        labels,
        createdBy: actor.name,
        expires,
        uses: body.uses ?? 1,
      });
      return ok({ token: token.text, expires: expires.toISOString() });
    },
    async labelWorkload(name: string, labels: Labels) {
      if ((await fleet.setLabels(name, labels)) === null) {
        return fail(
          refusal(404, "unknown-workload", `no workload \`${name}\` is enrolled`, {
            fix: "`ringwall get workloads` lists them; a workload without an agent gets its labels in the policy's text",
          }),
        );
      }
      changes.inventoryChanged();
      parts.onChange();
      const { set, inventory } = worldInForce(parts);
      const view = workloadViews(set, inventory, fleet, hub, rollout).find((one) => one.name === name);
      if (view === undefined) throw new Error("bug: a labelled workload without a view");
      return ok(view);
    },
  };
}

function brokenWorld(problems: readonly Problem[]): Refusal {
  return refusal(422, "policy-refused", "the policy does not fit the workloads that are enrolled", {
    problems,
  });
}

function noSuchRevision(revision: number): Refusal {
  return refusal(404, "no-such-revision", `there is no revision ${revision}`, {
    fix: "`ringwall get revisions` lists them",
  });
}

function nothingToRollBack(): Refusal {
  return refusal(409, "nothing-to-roll-back", "no revision was live before the one that is", {
    fix: "name one: `ringwall rollback REVISION`",
  });
}

function noSuchSegment(name: string, resources: readonly Resource[]): Refusal {
  const names = resources.filter((one) => one.kind === "Segment").map((one) => `\`${one.metadata.name}\``);
  return refusal(404, "unknown-segment", `no segment \`${name}\` is live`, {
    fix:
      names.length === 0
        ? "provision one first: `ringwall learn`, then `ringwall provision`"
        : `there are ${names.join(", ")}`,
  });
}
