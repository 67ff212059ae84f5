import { createHash } from "node:crypto";
import { fail, ok, type Problem, type Result } from "@ringwall/model";
import { type HostPolicy, hostPolicy } from "@ringwall/policy/lower";

/** Bytes of one host policy; protobuf's message limit leaves no room for more. */
export const HOST_POLICY_BYTES_MAX = 15 * 1024 * 1024;
/** Seconds for which an update may wait for its confirmation: an hour. */
export const CONFIRM_SECONDS_MAX = 3600;
/** Problems of one policy that are listed; the rest is counted. */
const PROBLEMS_LISTED_MAX = 20;

/** A policy as it came from the controller. */
export type PolicyOffer = {
  readonly generation: bigint;
  readonly bytes: Uint8Array;
  readonly digest: Uint8Array;
  readonly confirmWithinSeconds: number;
};

/** What the offer is judged against. */
export type AcceptState = {
  readonly workload: string;
  /** In force now, 0 for none. */
  readonly generation: bigint;
  /** The highest one that was put back because nobody confirmed it; 0 for none. */
  readonly revertedGeneration: bigint;
  /** The level of this host, and the features that it has (docs/agent.md). */
  readonly capabilities: ReadonlySet<string>;
};

/** What this data plane can't do yet is refused by name, never left out silently. */
function unsupported(policy: HostPolicy, capabilities: ReadonlySet<string>): Problem[] {
  const problems: Problem[] = [];
  const refuse = (what: string, fix: string) =>
    problems.push({
      code: "host-incapable",
      severity: "error",
      message: `${what} is more than this host can do`,
      fix,
    });
  const blocks = Object.values(policy.modes).includes("block");
  if (policy.requires === "lsm" && blocks && !capabilities.has("lsm")) {
    refuse(
      "`block` where the segment has `requires: lsm`",
      "leave the segment at `alert`, set it to `requires: core`, or give the host a kernel with BPF LSM",
    );
  }
  return problems;
}

/** Reads and judges an offer. All problems at once; an offer that fails leaves the last good policy in force. */
export function acceptUpdate(offer: PolicyOffer, state: AcceptState): Result<HostPolicy> {
  const stale = judgeGeneration(offer, state);
  if (stale !== undefined) return fail([stale]);
  const digest = createHash("sha256").update(offer.bytes).digest();
  if (!digest.equals(offer.digest)) {
    return fail([
      problem(
        "policy-damaged",
        `generation ${offer.generation} does not have the digest it came with`,
        "provision again",
      ),
    ]);
  }
  if (offer.bytes.length > HOST_POLICY_BYTES_MAX) {
    const message = `generation ${offer.generation} has ${offer.bytes.length} bytes, the limit is ${HOST_POLICY_BYTES_MAX}`;
    return fail([problem("policy-too-large", message, "write fewer, wider rules for this workload")]);
  }
  if (offer.confirmWithinSeconds > CONFIRM_SECONDS_MAX) {
    const message = `generation ${offer.generation} may wait ${offer.confirmWithinSeconds} s for its confirmation, the limit is ${CONFIRM_SECONDS_MAX} s`;
    return fail([problem("confirm-too-long", message, "provision with a shorter --confirm-within")]);
  }
  const parsed = parseHostPolicy(offer.bytes, offer.generation);
  if (!parsed.ok) return parsed;
  const policy = parsed.value;
  if (policy.workload !== state.workload) {
    const message = `generation ${offer.generation} is the policy of \`${policy.workload}\`, this host is \`${state.workload}\``;
    return fail([problem("policy-of-another", message, "see the controller's log: it mixed up two hosts")]);
  }
  const incapable = unsupported(policy, state.capabilities);
  return incapable.length > 0 ? fail(incapable) : ok(policy);
}

/**
 * Generations only rise. One that was put back for want of a confirmation comes again only confirmed: the operator's
 * word may have reached the controller while this host was cut off.
 */
function judgeGeneration(offer: PolicyOffer, state: AcceptState): Problem | undefined {
  if (offer.generation <= state.generation) {
    const message = `generation ${offer.generation} is not above ${state.generation}, which is in force`;
    return problem("policy-stale", message, "provision again");
  }
  const again = offer.generation <= state.revertedGeneration;
  if (again && (offer.confirmWithinSeconds > 0 || offer.generation < state.revertedGeneration)) {
    const message = `generation ${offer.generation} was put back: nobody confirmed it in time`;
    return problem("policy-reverted", message, "provision again, and confirm it with `ringwall confirm`");
  }
  return undefined;
}

/** The bytes as a host policy, with every problem of its shape. */
export function parseHostPolicy(bytes: Uint8Array, generation: bigint): Result<HostPolicy> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return fail([problem("policy-malformed", `generation ${generation} is not JSON`, FIX_VERSIONS)]);
  }
  const parsed = hostPolicy.safeParse(json);
  if (!parsed.success) {
    const { issues } = parsed.error;
    const problems = issues.slice(0, PROBLEMS_LISTED_MAX).map((issue) => {
      const where = issue.path.join(".") || "the policy";
      return problem(
        "policy-malformed",
        `generation ${generation}, at \`${where}\`: ${issue.message}`,
        FIX_VERSIONS,
      );
    });
    return fail(problems);
  }
  const dangling = danglingReferences(parsed.data);
  return dangling.length > 0 ? fail(dangling) : ok(parsed.data);
}

/** Indices and names that point at nothing; zod can't see those. */
function danglingReferences(policy: HostPolicy): Problem[] {
  const problems: Problem[] = [];
  const ids = new Set<number>();
  const report = (what: string) => {
    if (problems.length < PROBLEMS_LISTED_MAX) problems.push(problem("policy-malformed", what, FIX_VERSIONS));
  };
  for (const rule of policy.rules) {
    if (ids.has(rule.id)) report(`rule id ${rule.id} is used twice`);
    ids.add(rule.id);
    if (rule.process !== null && rule.process >= policy.processSelectors.length) {
      report(
        `rule \`${rule.name}\` names process selector ${rule.process}, of ${policy.processSelectors.length}`,
      );
    }
    if (rule.peer !== null && rule.peer >= policy.addressSets.length) {
      report(`rule \`${rule.name}\` names address set ${rule.peer}, of ${policy.addressSets.length}`);
    }
  }
  for (const selector of policy.processSelectors) {
    for (const name of selector.software?.names ?? []) {
      if (!Object.hasOwn(policy.software, name))
        report(`a process selector names software \`${name}\`, which is not there`);
    }
  }
  return problems;
}

const FIX_VERSIONS = "agent and controller may be of versions that don't fit: upgrade the older one";

function problem(code: string, message: string, fix: string): Problem {
  return { code, severity: "error", message, fix };
}
