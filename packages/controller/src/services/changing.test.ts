/** Changes of what is in force while others write the draft, on a real PostgreSQL and with real threads. */
import { setTimeout } from "node:timers/promises";
import type { Mode, Resource } from "@ringwall/model";
import { formatResources } from "@ringwall/policy";
import pino from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { createHub } from "../api/agents/hub.ts";
import type { UserServices } from "../api/users/services.ts";
import { type Changes, createChanges } from "../jobs/changes/changes.ts";
import { createDraftReader, type DraftReader } from "../jobs/draft-reader.ts";
import { TRIES_MAX } from "../jobs/meanwhile.ts";
import { createRollout } from "../jobs/rollout.ts";
import { type Asker, createAsker } from "../jobs/worker/ask.ts";
import { ANSWERED_HERE_LENGTH_MAX, createPolicyAsker, type PolicyAsker } from "../jobs/worker/policies.ts";
import { type Fleet, loadFleet } from "../store/state/fleet.ts";
import { loadDraft, saveDraft } from "../store/state/revisions.ts";
import { segmentOf } from "../testing/resources.ts";
import { startTestState, type TestState } from "../testing/test-state.ts";
import { createChangeServices } from "./changing.ts";
import type { UserServicesParts } from "./parts.ts";

const ACTOR = { name: "test" } as Parameters<UserServices["mode"]>[1];
const SEGMENTS = ["web", "db"].map((name) => segmentOf(name, { role: name }));
/** Comments that make a draft too long to be worked on at once. */
const PADDING = `# ${"-".repeat(100)}\n`.repeat(ANSWERED_HERE_LENGTH_MAX / 100);
/** What waits for longer would wait for good. */
const WAITING_MS_MAX = 10_000;
/** The same in resources. */
const MANY = Array.from({ length: 1_000 }, (_, at) => segmentOf(`s-${at}`, { role: `r-${at}` }));

let state: TestState;
let changes: Changes;
/** What the threads were asked. */
let asked: string[];
/** Happens while the first text of a test is thought out. */
let meanwhile: () => Promise<unknown>;
/** Happens once the draft has been read and parsed. */
let onceRead: () => Promise<unknown>;
/** Happens once a change has been stored, before that is known here. */
let onceStored: () => Promise<unknown>;
let fleet: Fleet;
let services: ReturnType<typeof createChangeServices>;

beforeAll(async () => {
  state = await startTestState();
  const { db } = state;
  const ask = createAsker();
  const counting: Asker = async (question) => {
    asked.push(question.kind);
    if (question.kind === "check") await meanwhile();
    return ask(question);
  };
  const asking = createPolicyAsker(counting);
  const askPolicy: PolicyAsker = async (question) => {
    await meanwhile();
    return asking(question);
  };
  const log = pino({ level: "silent" });
  const hub = createHub(() => undefined);
  const essential = { controller: { addresses: [], port: 443 }, management: [], resolvers: null };
  fleet = await loadFleet(db);
  const rollout = await createRollout(db, hub, log, Date.now);
  const reload = rollout.reload.bind(rollout);
  changes = await createChanges({
    askPolicy: asking,
    db,
    log,
    essential,
    fleet,
    rollout: Object.assign(rollout, {
      reload: async () => {
        await onceStored();
        await reload();
      },
    }),
    connected: () => 0,
    onChange: () => undefined,
    onRevert: async () => undefined,
    keysAhead: async () => undefined,
  });
  const reader = createDraftReader(db, createPolicyAsker(ask));
  const drafts: DraftReader = {
    ...reader,
    async load() {
      const draft = await reader.load();
      await onceRead();
      return draft;
    },
  };
  // Changes of what is in force ask for nothing else.
  const parts = { db, changes, drafts, askPolicy, essential } as unknown as UserServicesParts;
  services = createChangeServices(parts);
});
afterAll(async () => {
  changes?.close();
  await state?.remove();
});
beforeEach(() => {
  asked = [];
  meanwhile = async () => undefined;
  onceRead = async () => undefined;
  onceStored = async () => undefined;
});
afterEach(() => changes.revertNow(changes.inForce().revision, "test"));

const once = (work: () => Promise<unknown>) => {
  let isDone = false;
  return async () => {
    if (isDone) return;
    isDone = true;
    await work();
  };
};
const write = (text: string) => saveDraft(state.db, [{ file: "a.yaml", text }], 0);
const draft = async () => (await loadDraft(state.db)).files.map(({ text }) => text).join();
async function goLive(resources: readonly Resource[]): Promise<number> {
  const what = { what: "a test", note: "", author: "test", warnings: [] };
  const stays = { confirmWithinSeconds: null, basedOn: changes.live().revision, draft: null };
  const done = await changes.apply({ ...what, ...stays, resources });
  if (!done.ok) throw new Error(done.error.detail);
  return done.value.revision;
}
/** Lets `resources` be live and the draft. */
async function begin(resources: readonly Resource[], padding = ""): Promise<number> {
  const revision = await goLive(resources);
  await write(`${padding}${formatResources(resources)}`);
  return revision;
}
const modeOf = (name: string) => {
  const found = changes
    .inForce()
    .resources.find((one) => one.kind === "Segment" && one.metadata.name === name);
  return found?.kind === "Segment" ? (found.spec.mode ?? found.spec.modes?.inbound) : undefined;
};
const toMode = (segment: string, mode: Mode, directions?: "inbound"[]) =>
  services.mode({ segment, mode, directions }, ACTOR);

it("a segment's mode is written into a short draft at once, and into a long one by a thread", async () => {
  await begin(SEGMENTS);
  expect((await toMode("web", "alert")).ok).toBe(true);
  expect(asked).toEqual([]);
  await begin(SEGMENTS, PADDING);
  expect((await toMode("web", "alert")).ok).toBe(true);
  expect(asked).toEqual(["mode"]);
  expect(await draft()).toContain("inbound: alert");
  expect(await draft()).toContain(PADDING);
});

it("a rollback to a large policy has it checked by a thread, and the draft written that follows it", async () => {
  const large = await begin(MANY);
  await begin(SEGMENTS);
  asked = [];
  expect((await services.rollback({ revision: large }, ACTOR)).ok).toBe(true);
  expect(asked).toEqual(["format", "check"]);
  expect(await draft()).toBe(formatResources(MANY));
});

it("what somebody writes into the draft while a mode is being written into it is kept", async () => {
  await begin(SEGMENTS);
  meanwhile = once(() => write(`# written meanwhile\n${formatResources(SEGMENTS)}`));
  expect((await toMode("web", "alert")).ok).toBe(true);
  expect(await draft()).toContain("# written meanwhile");
  expect(await draft()).toContain("inbound: alert");
});

it("two modes that are changed at the same time both hold", async () => {
  await begin(SEGMENTS);
  meanwhile = once(() => toMode("db", "alert"));
  expect((await toMode("web", "alert")).ok).toBe(true);
  expect([modeOf("web"), modeOf("db")]).toEqual(["alert", "alert"]);
});

it("a mode that is changed takes nothing back that went live meanwhile", async () => {
  await begin(SEGMENTS);
  meanwhile = once(() => goLive([...SEGMENTS, segmentOf("cache")]));
  expect((await toMode("web", "alert")).ok).toBe(true);
  expect([modeOf("web"), modeOf("cache")]).toEqual(["alert", "observe"]);
});

it("a mode is refused where the draft changes again and again, and nothing is changed", async () => {
  const revision = await begin(SEGMENTS);
  let rounds = 0;
  meanwhile = () => write(`# round ${++rounds}\n${formatResources(SEGMENTS)}`);
  const refused = await toMode("web", "alert");
  expect(!refused.ok && refused.error.code).toBe("draft-changed");
  expect(rounds).toBe(TRIES_MAX);
  expect(changes.live().revision).toBe(revision);
  expect(await draft()).not.toContain("alert");
});

it("a rollback is not held up by somebody who works on the draft, and leaves it to them", async () => {
  const first = await begin(SEGMENTS);
  await begin(SEGMENTS.slice(1));
  meanwhile = () => write("# mine\n");
  expect((await services.rollback({ revision: first }, ACTOR)).ok).toBe(true);
  expect(modeOf("web")).toBe("observe");
  expect(await draft()).toBe("# mine\n");
});

it("a host that enrols while a large policy is checked gets its part of it too", async () => {
  meanwhile = once(() => fleet.enroll("late-1", { role: "r-1" }, ["10.0.0.1"], "1"));
  const revision = await begin(MANY);
  const row = await state.db.selectFrom("host_policies").selectAll().executeTakeFirst();
  expect(row).toMatchObject({ workload: "late-1", revision, problem: "" });
  await fleet.remove("late-1");
});

it("neither heartbeats nor enrolments wait while a large policy is checked", async () => {
  const order: string[] = [];
  meanwhile = once(async () => {
    await fleet.enroll("late-2", { role: "r-2" }, ["10.0.0.2"], "1");
    const heartbeat = changes.exclusively(async () => order.push("heartbeat"));
    const enrolment = changes.enrolled("late-2").then(() => order.push("enrolment"));
    await Promise.race([Promise.all([heartbeat, enrolment]), setTimeout(WAITING_MS_MAX)]);
    order.push("checked");
  });
  await begin(MANY);
  expect(order).toEqual(["heartbeat", "enrolment", "checked"]);
  await fleet.remove("late-2");
});

it("a mode that is set while the draft is provisioned holds, and what the draft says beside it", async () => {
  await begin(SEGMENTS);
  await write(formatResources([...SEGMENTS, segmentOf("cache")]));
  onceRead = once(() => toMode("web", "alert"));
  expect((await services.provision({}, ACTOR)).ok).toBe(true);
  expect([modeOf("web"), modeOf("db"), modeOf("cache")]).toEqual(["alert", "observe", "observe"]);
});

it("a draft that is provisioned is that of then, though somebody sets a mode and writes another meanwhile", async () => {
  await begin(SEGMENTS);
  onceRead = once(async () => {
    await toMode("web", "alert");
    await write(formatResources([...SEGMENTS, segmentOf("unasked")]));
  });
  expect((await services.provision({}, ACTOR)).ok).toBe(true);
  expect([modeOf("web"), modeOf("unasked")]).toEqual(["alert", undefined]);
});

it("a provision takes nothing back but modes that went live meanwhile: it is refused", async () => {
  await begin(SEGMENTS);
  let revision = 0;
  onceRead = once(async () => {
    revision = await goLive([...SEGMENTS, segmentOf("cache")]);
  });
  const refused = await services.provision({}, ACTOR);
  expect(!refused.ok && refused.error.code).toBe("live-changed");
  expect(changes.inForce().revision).toBe(revision);
});

it("a mode that is set while the draft is provisioned holds over the draft's own, and the reply says so", async () => {
  await begin(SEGMENTS);
  await write(formatResources([segmentOf("web", { role: "web" }, "alert"), ...SEGMENTS.slice(1)]));
  onceRead = once(async () => {
    await toMode("web", "block", ["inbound"]);
    await changes.confirm("test");
  });
  const done = await services.provision({}, ACTOR);
  expect(done.ok && done.value.warnings).toContainEqual(
    expect.stringContaining("not the draft's (inbound alert)"),
  );
  expect(modeOf("web")).toBe("block");
});

it("a mode that is set and confirmed while the draft is provisioned holds", async () => {
  await begin(SEGMENTS);
  await write(formatResources([...SEGMENTS, segmentOf("cache")]));
  onceRead = once(async () => {
    await toMode("web", "block", ["inbound"]);
    await changes.confirm("test");
  });
  expect((await services.provision({}, ACTOR)).ok).toBe(true);
  expect([modeOf("web"), modeOf("cache")]).toEqual(["block", "observe"]);
});

it("a provision takes nothing back that went live meanwhile, though the last of it is a mode", async () => {
  await begin(SEGMENTS);
  onceRead = once(async () => {
    await goLive([...SEGMENTS, segmentOf("cache")]);
    await toMode("web", "alert");
  });
  const refused = await services.provision({}, ACTOR);
  expect(!refused.ok && refused.error.code).toBe("live-changed");
  expect([modeOf("web"), modeOf("cache")]).toEqual(["alert", "observe"]);
});

it("a provision is refused while a change waits, though that is taken back meanwhile", async () => {
  const revision = await begin(SEGMENTS);
  expect((await toMode("web", "block", ["inbound"])).ok).toBe(true);
  expect(await draft()).toContain("inbound: block");
  onceRead = once(() => services.rollback({}, ACTOR));
  const refused = await services.provision({}, ACTOR);
  expect(!refused.ok && refused.error.code).toBe("confirmation-pending");
  expect(changes.inForce().revision).toBe(revision);
});

it("a provision puts nothing in force that was in the draft as it was read, and is taken back before it is parsed", async () => {
  await begin(SEGMENTS);
  const [read, parsed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  onceRead = once(() => {
    read.resolve();
    return parsed.promise;
  });
  let provisioned: ReturnType<typeof services.provision> | undefined;
  onceStored = once(() => {
    provisioned = services.provision({}, ACTOR);
    return read.promise;
  });
  expect((await toMode("web", "block", ["inbound"])).ok).toBe(true);
  expect((await services.rollback({}, ACTOR)).ok).toBe(true);
  parsed.resolve();
  const refused = await provisioned;
  expect(refused?.ok === false && refused.error.code).toBe("confirmation-pending");
  expect(modeOf("web")).toBe("observe");
});

it.each(["the revision before", "a revision by its number"])(
  "a rollback to %s leaves a mode that is set meanwhile",
  async (which) => {
    const first = await begin(SEGMENTS);
    await begin([...SEGMENTS, segmentOf("cache")]);
    onceRead = once(() => toMode("web", "alert"));
    const refused = await services.rollback(which.includes("number") ? { revision: first } : {}, ACTOR);
    expect(!refused.ok && refused.error.code).toBe("live-changed");
    expect([modeOf("web"), modeOf("cache")]).toEqual(["alert", "observe"]);
  },
);

it("two who take back the same change at once take back no more than that", async () => {
  await begin(SEGMENTS);
  const live = await begin([...SEGMENTS, segmentOf("cache")]);
  expect((await toMode("web", "block", ["inbound"])).ok).toBe(true);
  const both = await Promise.all([services.rollback({}, ACTOR), services.rollback({}, ACTOR)]);
  expect(both.map((one) => (one.ok ? one.value.revision : one.error.code))).toEqual([
    live,
    "nothing-pending",
  ]);
  expect(changes.inForce().revision).toBe(live);
});
