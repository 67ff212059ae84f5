import { attacks } from "../attacks/all.ts";
import type { Attack, Seen } from "../attacks/attack.ts";
import type { Cast } from "./cast.ts";
import { type Evidence, gatherEvidence, ruleOf } from "./evidence.ts";

/** In alert an attack gets through, and is reported as what block would refuse. */
export async function attackInAlert(cast: Cast): Promise<void> {
  const { checks, lab } = cast;
  const attack = attacks.find(({ id }) => id === "second-script");
  if (attack === undefined) throw new Error("the attack `second-script` is gone");
  const startedMs = Date.now();
  const { reached, detail } = await attack.attempt(lab);
  const evidence = await gatherEvidence(cast, [attack], "would-block", startedMs);
  const found = evidence.get(attack) ?? { flow: null, alert: null };
  checks.add({
    tried: `in alert: ${attack.title}`,
    from: attack.from,
    to: attack.to,
    expected: "gets through, with an alert",
    seen: `${reached ? "gets through" : "does not"}: ${detail}`,
    rule: ruleOf(found),
    alert: found.alert?.message ?? "",
    passed: reached && found.flow !== null && found.alert !== null,
  });
}

/** In block every attack is refused and reported; the controls get through. */
export async function attackInBlock(cast: Cast): Promise<void> {
  cast.checks.phase("Block: the attacks again");
  const startedMs = Date.now();
  const seen = await attemptAll(cast);
  const refused = attacks.filter(({ expected }) => expected === "blocked");
  const evidence = await gatherEvidence(cast, refused, "blocked", startedMs);
  for (const [attack, result] of seen) {
    const found = evidence.get(attack);
    addAttack(cast, attack, result, found ?? null);
  }
}

/** The verdicts do not hang on the agents: the same attacks while none is alive. Nothing can be reported then. */
export async function attackWithoutAgents(cast: Cast): Promise<void> {
  for (const [attack, result] of await attemptAll(cast)) {
    if (attack.expected === "allowed") continue;
    addAttack(cast, attack, result, null);
  }
}

async function attemptAll({ lab }: Cast): Promise<ReadonlyMap<Attack, Seen>> {
  const seen = new Map<Attack, Seen>();
  for (const attack of attacks) seen.set(attack, await attack.attempt(lab));
  return seen;
}

/** `evidence` is null where none is to be had: for what got through, and while no agent reports. */
function addAttack(
  { checks }: Cast,
  attack: Attack,
  { reached, detail }: Seen,
  evidence: Evidence | null,
): void {
  const reported = evidence === null || (evidence.flow !== null && evidence.alert !== null);
  checks.add({
    tried: attack.title,
    from: attack.from,
    to: attack.to,
    expected: attack.expected === "allowed" ? "gets through" : "blocked",
    seen: `${reached ? "gets through" : "blocked"}: ${detail}`,
    rule: evidence === null ? "" : ruleOf(evidence),
    alert: evidence?.alert?.message ?? "",
    passed: reached === (attack.expected === "allowed") && reported,
  });
}
