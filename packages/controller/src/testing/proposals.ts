import { API_VERSION, type Policy } from "@ringwall/model";
import type { Proposal } from "../store/state/proposals.ts";

/** A policy of so many rules, `rule 0` and so on, which differ by their ports. */
export function policyOf(rules: number): Policy {
  return {
    apiVersion: API_VERSION,
    kind: "Policy",
    metadata: { name: "shop" },
    spec: {
      rules: Array.from({ length: rules }, (_, at) => ({
        name: `rule ${at}`,
        allow: { to: { segment: "web" }, ports: [`tcp/${at + 1}`] },
      })),
    },
  };
}

/** That policy as the learner proposes it. */
export function proposalOf(rules: number): Omit<Proposal, "madeAt"> {
  const policy = policyOf(rules);
  const seen = { firstSeen: "2026-11-01T00:00:00Z", lastSeen: "2026-11-02T00:00:00Z", days: 1 };
  const evidence = { ...seen, edges: 1, connections: 1 };
  const about = { policy: policy.metadata.name, evidence, overPermission: 1, confidence: 1 };
  const learned = policy.spec.rules.map(({ name }) => ({ ...about, rule: name }));
  const nothing = { segments: [], setAside: [], readiness: [], curve: [], order: [], notes: [] };
  return {
    madeBy: "test",
    since: null,
    kind: "new",
    resources: [policy],
    edits: [],
    fresh: [],
    report: { ...nothing, rules: learned, overPermission: 1 },
  };
}
