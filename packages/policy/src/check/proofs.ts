import { type Assertion, type Attempt, effectiveLabels, type Problem } from "@ringwall/model";
import { type NetworkRule, networkRules } from "../policy-set/rules.ts";
import { type CounterExample, prove } from "../prove/prove.ts";
import { contains } from "../prove/shadow.ts";
import { formatEnd, formatProcess } from "../words/words.ts";
import type { World } from "./check.ts";
import { type Stated, statedClauses } from "./clauses.ts";
import { problemAt } from "./problem.ts";

/** Pairs of rules are compared up to this many rules. */
const SHADOW_RULES_MAX = 1500;

export function proofProblems(world: World): readonly Problem[] {
  return [...world.set.assertions.flatMap((one) => assertionProblems(world, one)), ...shadowProblems(world)];
}

function assertionProblems({ set, inventory }: World, assertion: Assertion): readonly Problem[] {
  const proof = prove(set, inventory, assertion);
  if (proof.proved === true) return [];
  const { name } = assertion.metadata;
  const path = ["spec", "never"];
  if (proof.proved === null) {
    const message = `the assertion \`${name}\` could not be decided: ${proof.reason}`;
    return [
      problemAt(set, assertion, path, {
        code: "assertion-undecided",
        severity: "error",
        message,
        fix: "split it into narrower ones",
      }),
    ];
  }
  const message = `the assertion \`${name}\` does not hold: ${describe(proof.counterExample)}`;
  const fix = "narrow these rules, or deny what the assertion forbids";
  return [problemAt(set, assertion, path, { code: "assertion-failed", severity: "error", message, fix })];
}

function describe({ attempt, workloads, rules }: CounterExample): string {
  const end = (flow: Attempt["src"]) => {
    const made = workloads.find((one) => one.metadata.name === flow.workload);
    const { "ringwall.dev/name": _name, ...labels } = made === undefined ? {} : effectiveLabels(made);
    const text = Object.entries(labels).map(([key, value]) => `${key}: ${value}`);
    const where = made === undefined ? formatEnd(flow) : `a workload with { ${text.join(", ")} }`;
    return `${formatProcess(flow)} on ${where}`;
  };
  const port = attempt.proto === "icmp" ? attempt.icmpType : attempt.port;
  const through = [...new Set(rules)].filter((one) => one !== "not judged").map((one) => `\`${one}\``);
  return `${end(attempt.src)} reaches ${end(attempt.dst)} on ${attempt.proto}/${port} through ${through.join(" and ")}`;
}

function shadowProblems(world: World): readonly Problem[] {
  const rules = networkRules(world.set);
  if (rules.length > SHADOW_RULES_MAX) return [];
  const stated = new Map(statedClauses(world.set).map((one) => [one.name, one]));
  return rules.flatMap((rule): readonly Problem[] => {
    const place = stated.get(rule.name);
    const by = rules.find((other) => other !== rule && shadows(world, other, rule));
    return place === undefined || by === undefined ? [] : [shadowed(world, place, rule, by)];
  });
}

/** Of two equal rules the second by name is the one too many. */
function shadows(world: World, outer: NetworkRule, inner: NetworkRule): boolean {
  if (outer.action === "allow" && inner.action === "deny") return false;
  if (outer.action === inner.action && inner.immediate && !outer.immediate) return false;
  if (!contains(world, outer, inner)) return false;
  const equal = outer.action === inner.action && contains(world, inner, outer);
  return !equal || outer.name < inner.name;
}

function shadowed({ set }: World, { resource, path }: Stated, rule: NetworkRule, by: NetworkRule): Problem {
  const unreachable = by.action === "deny" && rule.action === "allow";
  const code = unreachable ? "unreachable-rule" : "shadowed-rule";
  const message = unreachable
    ? `the rule \`${rule.name}\` can never allow anything: \`${by.name}\` denies all of it`
    : `the rule \`${rule.name}\` adds nothing: \`${by.name}\` says all of it`;
  return problemAt(set, resource, path, {
    code,
    severity: "warning",
    message,
    fix: "remove it, or narrow the other",
  });
}
