// Decisions per second of CPU with the deciding rule, beside cedar-wasm and casbin on the same policy in the same run.
//   scripts/node packages/policy/bench/decisions.ts [--small]
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import type { Attempt } from "@ringwall/model";
import { takeArguments } from "@ringwall/model/testing/arguments";
import { createDecider, inventoryOf, policySetOf } from "../src/index.ts";
import { createRandom, madeFleet, madePolicy } from "./lib/made-fleet.ts";
import { cpuSeconds, hashOf, median, printMachine } from "./lib/report.ts";

const { small } = takeArguments(
  process,
  "[--small]",
  () => parseArgs({ options: { small: { type: "boolean", default: false } } }).values,
);
const WORKLOADS = small ? 500 : 10_000;
const SEGMENTS = small ? 60 : 600;
const RULES = small ? [10, 100] : [10, 100, 1000, 10_000];
const ROUNDS = small ? 2 : 5;
const ATTEMPTS = small ? 2000 : 200_000;
/** The others are slow: so many attempts are enough for a figure, and all of them are compared with ours. */
const OTHERS_ATTEMPTS = small ? 10 : 40;

type Fleet = ReturnType<typeof madeFleet>;
type Policy = ReturnType<typeof madePolicy>;
type Judge = (attempt: Attempt) => boolean;

printMachine();
const fleet = madeFleet(WORKLOADS, SEGMENTS);
const baseline = new Map<number, number>();
for (const rules of RULES) {
  const policy = madePolicy(rules, SEGMENTS, createRandom(rules));
  const attempts = madeAttempts(policy, createRandom(7));
  const set = policySetOf([...fleet.segments, policy]);
  const inventory = inventoryOf(fleet.workloads);
  if (!inventory.ok) throw new Error("bug: names are distinct");
  const decider = createDecider(set, inventory.value, { nearest: false });
  const deciding: string[] = [];
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = cpuSeconds();
    let allowed = 0;
    for (const attempt of attempts) {
      const verdict = decider.decide(attempt);
      if (!verdict.ok) throw new Error("bug: every name is known");
      if (verdict.value.outcome === "allowed") allowed++;
      if (round === 0 && deciding.length < 1000) deciding.push(verdict.value.inbound?.rule ?? "");
    }
    // Each attempt is two decisions: at the source and at the destination.
    rates.push((2 * attempts.length) / (cpuSeconds() - start));
    if (allowed === 0 || allowed === attempts.length) throw new Error("bug: the load decides nothing");
  }
  const ours = median(rates);
  baseline.set(rules, ours);
  const judge: Judge = (attempt) => {
    const verdict = decider.decide(attempt);
    return verdict.ok && verdict.value.outcome === "allowed";
  };
  const cedar = await compared("cedar", attempts, judge, createCedar(fleet, policy));
  const casbin = await compared("casbin", attempts, judge, await createCasbin(fleet, policy));
  const spread = ((Math.max(...rates) - Math.min(...rates)) / ours) * 100;
  console.log(
    [
      `${rules} rules x ${WORKLOADS} workloads: ${format(ours)} decisions per CPU second`,
      `(spread ${spread.toFixed(0)} %), cedar-wasm ${format(cedar)}, casbin ${format(casbin)};`,
      `rules ${hashOf(deciding)}`,
    ].join(" "),
  );
}
const [first = 1, last = 1] = [baseline.get(RULES[0] ?? 0), baseline.get(RULES.at(-1) ?? 0)];
console.log(`cost of ${RULES.at(-1)} rules against ${RULES[0]}: ${(first / last).toFixed(2)} x`);

function format(rate: number): string {
  return rate >= 1e6 ? `${(rate / 1e6).toFixed(2)} M` : rate.toFixed(rate < 100 ? 1 : 0);
}

/** Half of them what a rule allows, half by chance. */
function madeAttempts(policy: Policy, random: () => number): readonly Attempt[] {
  const members = Map.groupBy(fleet.workloads, (one) =>
    JSON.stringify([
      one.metadata.labels?.["app"],
      one.metadata.labels?.["role"],
      one.metadata.labels?.["env"],
    ]),
  );
  const of = (segment: string) => {
    const selector = fleet.segments[Number(segment.slice(1))]?.spec.workloads ?? {};
    const [app, role, env] = [selector["app"], selector["role"], selector["env"]];
    return members.get(JSON.stringify([app, role, env])) ?? fleet.workloads;
  };
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T; // never empty
  return Array.from({ length: ATTEMPTS }, (): Attempt => {
    const rule = pick(policy.spec.rules);
    const allow = "allow" in rule ? rule.allow : {};
    const chance = random() < 0.5;
    const [src, dst] = chance
      ? [pick(fleet.workloads), pick(fleet.workloads)]
      : [pick(of(String(allow.from?.segment))), pick(of(String(allow.to?.segment)))];
    const port = chance ? 1000 + Math.floor(random() * 200) : Number(allow.ports?.[0]?.slice(4));
    return { proto: "tcp", port, src: { workload: src.metadata.name }, dst: { workload: dst.metadata.name } };
  });
}

async function compared(
  name: string,
  attempts: readonly Attempt[],
  ours: Judge,
  other: (attempt: Attempt) => boolean | Promise<boolean>,
) {
  const some = attempts.slice(0, OTHERS_ATTEMPTS);
  const start = cpuSeconds();
  const answers: boolean[] = [];
  for (const attempt of some) answers.push(await other(attempt));
  const seconds = cpuSeconds() - start;
  some.forEach((attempt, i) => {
    if (answers[i] !== ours(attempt)) throw new Error(`${name} decides ${JSON.stringify(attempt)} otherwise`);
  });
  return some.length / seconds;
}

function segmentsOf({ segments }: Fleet, workload: string): readonly string[] {
  const labels = fleet.workloads[Number(workload.slice(1))]?.metadata.labels ?? {};
  return segments
    .filter(({ spec }) => Object.entries(spec.workloads).every(([key, value]) => labels[key] === value))
    .map((one) => one.metadata.name);
}

function createCedar(made: Fleet, policy: Policy): (attempt: Attempt) => boolean {
  const cedar = createRequire(import.meta.url)("@cedar-policy/cedar-wasm/nodejs");
  const text = policy.spec.rules
    .map((rule) => {
      const { from, to, ports } = "allow" in rule ? rule.allow : {};
      return `permit(principal in Segment::"${from?.segment}", action == Action::"${ports?.[0]}", resource in Segment::"${to?.segment}");`;
    })
    .join("\n");
  const parsed = cedar.preparsePolicySet(`p${policy.spec.rules.length}`, { staticPolicies: text });
  if (parsed.type !== "success") throw new Error(JSON.stringify(parsed));
  const entityOf = (type: string, name: string) => ({
    uid: { type, id: name },
    attrs: {},
    parents: segmentsOf(made, name).map((id) => ({ type: "Segment", id })),
  });
  return ({ src, dst, port }) => {
    const answer = cedar.statefulIsAuthorized({
      principal: { type: "Src", id: src.workload },
      action: { type: "Action", id: `tcp/${port}` },
      resource: { type: "Dst", id: dst.workload },
      context: {},
      preparsedPolicySetId: `p${policy.spec.rules.length}`,
      entities: [entityOf("Src", src.workload ?? ""), entityOf("Dst", dst.workload ?? "")],
    });
    if (answer.type !== "success") throw new Error(JSON.stringify(answer));
    return answer.response.decision === "allow";
  };
}

async function createCasbin(made: Fleet, policy: Policy): Promise<(attempt: Attempt) => Promise<boolean>> {
  const { newEnforcer, newModelFromString } = await import("casbin");
  const model = newModelFromString(`[request_definition]
r = src, dst, port
[policy_definition]
p = src, dst, port
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.port == p.port && g(r.src, p.src) && g(r.dst, p.dst)`);
  const enforcer = await newEnforcer(model);
  await enforcer.addGroupingPolicies(
    made.workloads.flatMap((one) =>
      segmentsOf(made, one.metadata.name).map((segment) => [one.metadata.name, segment]),
    ),
  );
  const rows = policy.spec.rules.map((rule) => {
    const { from, to, ports } = "allow" in rule ? rule.allow : {};
    return [String(from?.segment), String(to?.segment), String(ports?.[0])];
  });
  await enforcer.addPolicies([...new Map(rows.map((row) => [row.join(), row])).values()]);
  return ({ src, dst, port }) => enforcer.enforce(src.workload, dst.workload, `tcp/${port}`);
}
