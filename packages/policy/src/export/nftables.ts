import { fail, ok, type Result } from "@ringwall/model";
import { type CompileOptions, createHostCompiler } from "../compile/host.ts";
import { fleetOf } from "../compile/peer-set.ts";
import type { HostPolicy, HostRule } from "../lower/host-policy.ts";
import { type Inventory, isManaged } from "../policy-set/inventory.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { networkRules } from "../policy-set/rules.ts";
import { createReport, DIRECTIONS, type Direction, type Exported, lostFactors } from "./fidelity.ts";

/** A ruleset for each managed workload, replaced in one transaction. Programs can't be said: an allow that names one holds for all. */
export function exportNftables(
  set: PolicySet,
  inventory: Inventory,
  options: CompileOptions,
): Result<Exported> {
  const report = createReport(set, fleetOf(set, inventory));
  for (const rule of networkRules(set))
    for (const lost of lostFactors(rule))
      if (rule.action === "allow") report.wider(rule, `${lost} can't be said`);
      else report.missing(rule, `${lost} can't be said, so the deny is left out`);
  const compile = createHostCompiler(withoutProof(set), inventory, options);
  const files: { path: string; text: string }[] = [];
  for (const workload of inventory.workloads.filter(isManaged)) {
    const { name } = workload.metadata;
    const compiled = compile(name);
    if (!compiled.ok) return fail(compiled.error);
    files.push({ path: `${name.replaceAll("/", "_")}.nft`, text: formatHost(compiled.value) });
  }
  return ok({ files, fidelity: report.result() });
}

/** A ruleset knows no proof, which the report says of each rule that asks for one. */
function withoutProof(set: PolicySet): PolicySet {
  const policies = set.policies.map((policy) => {
    const rules = policy.spec.rules.map((rule) => {
      if (!("allow" in rule)) return rule;
      const { verified: _verified, ...allow } = rule.allow;
      return { ...rule, allow };
    });
    return { ...policy, spec: { rules } };
  });
  return { ...set, policies };
}

/** One host's ruleset as `nft -f` reads it. */
export function formatHost(policy: HostPolicy): string {
  const body = [
    ...policy.addressSets.flatMap(formatSet),
    ...DIRECTIONS.flatMap((one) => formatChain(policy, one)),
  ];
  return [
    `# ${policy.workload}, revision ${policy.revision}`,
    "table inet ringwall",
    "delete table inet ringwall",
    "table inet ringwall {",
    ...body.map((line) => `\t${line}`),
    "}",
    "",
  ].join("\n");
}

const isV6 = (prefix: string): boolean => prefix.includes(":");

/** Four sets for each address set: both families, what is in it and what is not. */
function formatSet(set: HostPolicy["addressSets"][number], index: number): readonly string[] {
  return (["include", "exclude"] as const).flatMap((part) =>
    ([4, 6] as const).flatMap((family) => {
      // A ruleset resolves no names: the set stays empty.
      const elements = set.fqdn !== undefined ? [] : set[part].filter((one) => isV6(one) === (family === 6));
      if (elements.length === 0) return [];
      const type = family === 6 ? "ipv6_addr" : "ipv4_addr";
      return [
        `set ${part}${index}v${family} { type ${type}; flags interval; auto-merge; elements = { ${elements.join(", ")} } }`,
      ];
    }),
  );
}

function formatChain(policy: HostPolicy, direction: Direction): readonly string[] {
  const hook = direction === "outbound" ? "output" : "input";
  const mode = policy.modes[direction];
  const rules = policy.rules
    .filter((rule) => rule.direction === direction)
    .filter(
      (rule) => rule.action === "allow" || (rule.process === null && (mode === "block" || rule.immediate)),
    )
    // Without `block` there is no default deny to be excepted from: only essential allows stand before immediate denies.
    .filter((rule) => mode === "block" || rule.action === "deny" || rule.precedence === "essential")
    .toSorted((a, b) => rankOf(a) - rankOf(b) || a.id - b.id);
  return [
    `chain ${hook} {`,
    `\ttype filter hook ${hook} priority filter; policy accept;`,
    "\tct state established,related accept",
    ...(policy.loopback === "record" ? [`\t${direction === "outbound" ? "oif" : "iif"} lo accept`] : []),
    ...rules.flatMap((rule) => formatRule(policy, rule)).map((line) => `\t${line}`),
    ...(mode === "block" ? [`\treject with icmpx admin-prohibited comment "default"`] : []),
    "}",
  ];
}

function rankOf(rule: HostRule): number {
  return rule.precedence === "essential" ? 0 : rule.action === "deny" ? 1 : 2;
}

function formatRule(policy: HostPolicy, rule: HostRule): readonly string[] {
  const verdict = rule.action === "allow" ? "accept" : "reject with icmpx admin-prohibited";
  const comment = ` comment "${rule.name.replaceAll(/["\\\n]/g, "'").slice(0, COMMENT_LENGTH_MAX)}"`;
  return formatPeers(policy, rule).flatMap(({ family, text }) =>
    (rule.ports === null ? [""] : rule.ports.flatMap((one) => formatPorts(one, family))).map(
      (port) => `${text}${port}${verdict}${comment}`,
    ),
  );
}

type Family = 4 | 6 | "both";

/** nft's own limit for a comment is 128 bytes. */
const COMMENT_LENGTH_MAX = 100;

function formatPorts(
  { proto, from, to }: NonNullable<HostRule["ports"]>[number],
  family: Family,
): readonly string[] {
  const range = from === to ? `${from}` : `${from}-${to}`;
  if (proto !== "icmp")
    return [from === 0 && to === 65535 ? `meta l4proto ${proto} ` : `${proto} dport ${range} `];
  const whole = from === 0 && to === 255;
  return [
    ...(family === 6 ? [] : [whole ? "meta l4proto icmp " : `icmp type ${range} `]),
    ...(family === 4 ? [] : [whole ? "meta l4proto icmpv6 " : `icmpv6 type ${range} `]),
  ];
}

/** A line for each family in which the set holds anything. */
function formatPeers(
  policy: HostPolicy,
  rule: HostRule,
): readonly { readonly family: Family; readonly text: string }[] {
  const set = rule.peer === null ? null : policy.addressSets[rule.peer];
  if (set === null || set === undefined) return [{ family: "both", text: "" }];
  if (set.fqdn !== undefined) return [];
  const side = rule.direction === "outbound" ? "daddr" : "saddr";
  return ([4, 6] as const).flatMap((family) => {
    const has = (part: "include" | "exclude") => set[part].some((one) => isV6(one) === (family === 6));
    if (!has("include")) return [];
    const ip = family === 6 ? "ip6" : "ip";
    const without = has("exclude") ? `${ip} ${side} != @exclude${rule.peer}v${family} ` : "";
    return [{ family, text: `${ip} ${side} @include${rule.peer}v${family} ${without}` }];
  });
}
