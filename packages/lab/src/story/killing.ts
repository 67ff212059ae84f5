import { attacks } from "../attacks/all.ts";
import { attackWithoutAgents } from "./attacking.ts";
import type { Cast } from "./cast.ts";
import { countNormalUse } from "./provisioning.ts";

/** Killing every agent changes no verdict; started again they carry on where the kernel is. */
export async function killAgents(cast: Cast): Promise<void> {
  const { agents, checks } = cast;
  checks.phase("kill -9 of every agent: no verdict changes");
  const before = await agents.settled();
  await agents.kill();
  await attackWithoutAgents(cast);
  await countNormalUse(cast, "without agents");
  await unknownProcess(cast);
  agents.restart();
  const after = await agents.settled();
  const generations = (views: typeof before) => views.map((view) => view.agent?.generation).join(", ");
  checks.add({
    tried: "agents started again",
    expected: `the same generations: ${generations(before)}`,
    seen: generations(after),
    passed: generations(before) === generations(after),
  });
  await knownAgain(cast);
  await countNormalUse(cast, "after the agents' restart");
}

/** A script started while nobody can identify it follows the segment's `fail: static`: what is not known is refused. */
async function unknownProcess({ checks, lab }: Cast): Promise<void> {
  const control = allowedControl();
  const { reached, detail } = await control.attempt(lab);
  checks.add({
    tried: "a script started while no agent can tell what it is (fail: static)",
    from: control.from,
    to: control.to,
    expected: "blocked",
    seen: `${reached ? "gets through" : "blocked"}: ${detail}`,
    passed: !reached,
  });
}

async function knownAgain({ checks, lab }: Cast): Promise<void> {
  const control = allowedControl();
  const { reached, detail } = await control.attempt(lab);
  checks.add({
    tried: "the same script, now that the agent is back",
    from: control.from,
    to: control.to,
    expected: "gets through",
    seen: `${reached ? "gets through" : "blocked"}: ${detail}`,
    passed: reached,
  });
}

function allowedControl() {
  const control = attacks.find(({ expected }) => expected === "allowed");
  if (control === undefined) throw new Error("no control among the attacks");
  return control;
}
