import { policyView } from "@ringwall/protocol/rest";
import { z } from "zod";
import type { Style } from "../../output/print.ts";
import { formatCount } from "../../output/size.ts";
import { printTable } from "../../output/table.ts";
import { defineKind } from "./kind.ts";

type Policy = z.infer<typeof policyView>;

const KIND_STYLES: Record<Policy["rules"][number]["kind"], Style> = {
  allow: "green",
  deny: "red",
  run: "cyan",
};

export const kind = defineKind<Policy>({
  ask: async (api) =>
    (await api.get("/api/v1/policies", z.object({ policies: z.array(policyView) }))).policies,
  empty: "no policies yet: `ringwall learn` proposes some, `ringwall apply DIR` takes yours",
  print: (policies) =>
    printTable(
      [
        { head: "POLICY", shrink: "middle" },
        { head: "RULE", shrink: "end" },
        { head: "KIND" },
        { head: "WHAT", shrink: "end" },
        { head: "HITS", align: "right" },
      ],
      policies.flatMap((policy) =>
        policy.rules.map((rule) => [
          policy.name,
          rule.name,
          { text: rule.kind, style: KIND_STYLES[rule.kind] },
          rule.summary,
          formatCount(rule.hits),
        ]),
      ),
    ),
});
