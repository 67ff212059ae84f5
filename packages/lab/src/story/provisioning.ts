import { setTimeout as sleep } from "node:timers/promises";
import type { Mode } from "@ringwall/model";
import { changeReply, revisionView, segmentView } from "@ringwall/protocol/rest";
import { onThisMachine } from "../slowness.ts";
import type { HostName } from "../topology.ts";
import type { Cast } from "./cast.ts";
import type { Proposal } from "./learning.ts";

/** How long normal use goes on after each step before it is counted. */
const SETTLED_MS = 2500;

/** Draft → revision in force, kept. */
export async function provision(cast: Cast): Promise<void> {
  const { checks, operator } = cast;
  checks.phase("Provision, confirm");
  await operator.type("provision", "--note", "learned in the lab");
  await cast.agents.settled();
  await operator.type("confirm");
  const revisions = await operator.ask(revisionView, "get", "revisions");
  const live = revisions.find(({ state }) => state === "live");
  checks.add({
    tried: "provision and confirm",
    expected: "a live revision on every host",
    seen: live === undefined ? "none is live" : `revision ${live.revision} with ${live.rules} rules`,
    passed: live !== undefined && live.rules > 0,
  });
  await countNormalUse(cast, "provisioned, not yet enforced");
}

/** One segment after the other, as the proposal says, each step confirmed and watched. */
export async function setModes(cast: Cast, proposal: Proposal, mode: Mode): Promise<void> {
  for (const name of proposal.order) await setMode(cast, proposal, name, mode);
}

async function setMode(cast: Cast, proposal: Proposal, name: HostName, mode: Mode): Promise<void> {
  const { checks, operator } = cast;
  const segment = proposal.segmentOf(name);
  const [change] = await operator.ask(changeReply, "mode", segment, mode);
  await cast.agents.settled();
  if (change?.pending != null) await operator.type("confirm");
  await cast.agents.settled();
  const segments = await operator.ask(segmentView, "get", "segments");
  const modes = segments.find((one) => one.name === segment)?.modes;
  checks.add({
    tried: `ringwall mode ${segment} ${mode}`,
    expected: `${mode} in both directions`,
    seen: `inbound ${modes?.inbound}, outbound ${modes?.outbound}`,
    passed: modes?.inbound === mode && modes.outbound === mode,
  });
  await countNormalUse(cast, `${segment} in ${mode}`);
}

/** Nothing of normal use may have been lost up to now. */
export async function countNormalUse({ checks, use }: Cast, when: string): Promise<void> {
  await sleep(onThisMachine(SETTLED_MS));
  const { sent, failed, losses } = await use.pause();
  await use.resume();
  for (const loss of losses) checks.note(`lost ${loss.time} ${loss.kind}: ${loss.reason}`);
  checks.add({
    tried: `normal use so far, ${when}`,
    expected: "0 lost",
    seen: `${failed} of ${sent} lost`,
    passed: failed === 0,
  });
}
