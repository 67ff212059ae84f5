import { setTimeout as sleep } from "node:timers/promises";
import { type ShadowView, shadowView } from "@ringwall/protocol/rest";
import { attacks } from "../attacks/all.ts";
import { onThisMachine } from "../slowness.ts";
import type { Cast } from "./cast.ts";
import { countNormalUse } from "./provisioning.ts";

const IN_BLOCK = "/srv/shadow.yaml";
const AS_IT_WAS = "/srv/draft.yaml";
/** Hosts tell every two seconds, normal use takes some to come round. */
const SEEN_MS_MAX = 30_000;
const POLL_MS = 1000;

/**
 * Before anything is enforced, the same policy with every segment in block meets live traffic as a shadow: it has to name
 * the attack, and nothing of normal use.
 */
export async function shadow(cast: Cast): Promise<void> {
  const { checks, operator, lab } = cast;
  checks.phase("Shadow of a draft: in block, on live traffic, enforcing nothing");
  const attack = attacks.find(({ id }) => id === "second-script");
  if (attack === undefined) throw new Error("the attack `second-script` is gone");
  const text = await operator.type("draft");
  const controller = lab.host("controller");
  controller.writeFile(AS_IT_WAS, text);
  controller.writeFile(IN_BLOCK, inBlock(text));
  await operator.type("apply", IN_BLOCK);
  await operator.type("shadow", "start", "--for", "10m");
  await untilSeen(cast, (view) => view.hosts.running === view.hosts.asked && view.met > 0);
  const { reached, detail } = await attack.attempt(lab);
  checks.add({
    tried: attack.title,
    from: attack.from,
    to: attack.to,
    expected: "gets through",
    seen: `${reached ? "gets through" : "does not"}: ${detail}`,
    passed: reached,
  });
  const { program, port, source } = attack.trace;
  const isAttack = (edge: ShadowView["edges"][number]) =>
    edge.port === port && (edge.sourceSoftware?.endsWith(program) ?? edge.source === source);
  await untilSeen(cast, ({ edges }) => edges.some(isAttack));
  await countNormalUse(cast, "the draft as a shadow");
  await operator.type("shadow", "stop");
  const view = await untilSeen(cast, ({ hosts }) => hosts.running === 0);
  checks.note(await operator.type("shadow", "report"));
  const refused = view.edges.filter(({ change }) => change === "newly-blocked");
  const others = refused.filter((edge) => !isAttack(edge));
  const named = others.map(
    (edge) => `${edge.sourceSoftware ?? edge.source} to ${edge.destination}:${edge.port}`,
  );
  checks.add({
    tried: "what the draft would refuse",
    expected: "the attack, and nothing of normal use",
    seen: `${refused.length - others.length} edges of the attack, ${others.length} others; ${view.met} attempts met it ${named.join(", ")}`.trim(),
    rule: refused[0]?.draft.rule ?? "",
    passed: refused.length > 0 && others.length === 0,
  });
  await operator.type("apply", AS_IT_WAS);
}

/** The same text with every segment in block, both ways. */
function inBlock(text: string): string {
  const changed = text
    .replace(/\b(inbound|outbound): observe\b/g, "$1: block")
    .replace(/\bmode: observe\b/g, "modes: { inbound: block, outbound: block, processes: observe }");
  if (changed === text) throw new Error("no segment of the draft is in observe");
  return changed;
}

async function untilSeen({ operator }: Cast, isSeen: (view: ShadowView) => boolean): Promise<ShadowView> {
  const deadline = Date.now() + onThisMachine(SEEN_MS_MAX);
  for (;;) {
    const [view] = await operator.ask(shadowView, "shadow", "report");
    if (view === undefined) throw new Error("`ringwall shadow report` printed nothing");
    if (isSeen(view) || Date.now() > deadline) return view;
    await sleep(POLL_MS);
  }
}
