import { setTimeout as sleep } from "node:timers/promises";
import { resource, revisionView } from "@ringwall/protocol/rest";
import { setLink } from "../hosts/namespace.ts";
import type { Ended } from "../hosts/process.ts";
import { onThisMachine } from "../slowness.ts";
import type { Cast } from "./cast.ts";
import { countNormalUse } from "./provisioning.ts";

const CONFIRM_WITHIN_SECONDS = onThisMachine(8);
/** How long after the deadline the change may still be felt. */
const REVERT_MS_MAX = onThisMachine(15_000);
const PROBE_POLL_MS = 200;
const NO_RULES = "/srv/no-rules.yaml";

/** A change that cuts everything takes itself back when nobody confirms it, with and without the controller. */
export async function revertByItself(cast: Cast): Promise<void> {
  const { checks, use } = cast;
  checks.phase("Commit-confirm: a change that cuts everything reverts by itself");
  await use.pause();
  await draftWithoutRules(cast);
  await cutAndWait(cast, "nobody confirms", async () => {});
  await reverted(cast);
  await draftWithoutRules(cast);
  await cutAndWait(cast, "nobody confirms, and the controller is cut off", () =>
    setLink(cast.lab.host("controller"), "down"),
  );
  await setLink(cast.lab.host("controller"), "up");
  await reverted(cast);
  await use.resume();
  await countNormalUse(cast, "after both reverts");
}

/** The same segments in block, and not one rule. */
async function draftWithoutRules({ operator, lab }: Cast): Promise<void> {
  const resources = await operator.ask(resource, "draft");
  const kept = resources.filter(({ kind }) => kind !== "Policy");
  // JSON is YAML; `---` separates documents.
  const text = kept.map((one) => `---\n${JSON.stringify(one)}\n`).join("");
  lab.host("controller").writeFile(NO_RULES, text);
  await operator.type("apply", NO_RULES);
}

/** Provisions, does `meanwhile` as soon as the cut is felt, and waits until it is over. */
async function cutAndWait(cast: Cast, why: string, meanwhile: () => Promise<void>): Promise<void> {
  const { checks, operator } = cast;
  const started = Date.now();
  await operator.type("provision", "--confirm-within", `${CONFIRM_WITHIN_SECONDS}s`, "--note", why);
  const cut = await waitForProbe(cast, false, started + CONFIRM_WITHIN_SECONDS * 1000);
  await meanwhile();
  const back = await waitForProbe(cast, true, started + CONFIRM_WITHIN_SECONDS * 1000 + REVERT_MS_MAX);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  checks.add({
    tried: `a policy without rules in block; ${why}`,
    from: "client",
    to: "web, app, db",
    expected: `cut, and back after ${CONFIRM_WITHIN_SECONDS} s`,
    seen: `${cut ? "cut" : "never cut"}, ${back ? `back after ${seconds} s` : `not back after ${seconds} s`}`,
    passed: cut && back,
  });
}

async function waitForProbe({ lab }: Cast, wanted: boolean, deadlineMs: number): Promise<boolean> {
  for (;;) {
    const ended = await lab.host("client").run(probe);
    if (answers(ended) === wanted) return true;
    if (Date.now() > deadlineMs) return false;
    await sleep(PROBE_POLL_MS);
  }
}

/** Through all three tiers, with a database connection of its own. */
const probe = {
  unit: "probe.service",
  argv: ["curl", "-sf", "-m", String(onThisMachine(2)), "-o", "/dev/null", "http://web4/api/report"],
};

function answers(ended: Ended): boolean {
  return ended.code === 0;
}

/** The controller has taken it back as well, and every agent agrees with it. */
async function reverted({ agents, checks, operator }: Cast): Promise<void> {
  await agents.settled();
  const revisions = await operator.ask(revisionView, "get", "revisions");
  const newest = revisions.reduce((a, b) => (a.revision > b.revision ? a : b));
  const states = revisions.map(({ revision, state }) => `${revision} ${state}`).join(", ");
  checks.add({
    tried: "the controller's own record of it",
    expected: "reverted, the revision before it live",
    seen: states,
    passed:
      revisions.some(({ state }) => state === "reverted") &&
      revisions.some(({ state }) => state === "live") &&
      newest.state !== "unconfirmed",
  });
}
