import { readFileSync } from "node:fs";
import { simulateReply } from "@ringwall/protocol/rest";
import { z } from "zod";
import { blockOrder, type HostName, managedHosts } from "../topology.ts";
import type { Cast } from "./cast.ts";

const PROPOSAL = "/srv/proposal";

/** Of the learner's report, what the story goes on with. */
const report = z.object({
  segments: z.array(z.object({ name: z.string(), members: z.array(z.string()) })),
  rules: z.array(z.object({ policy: z.string(), rule: z.string() })),
  order: z.array(z.string()),
});

/** The segment of each host, and the order in which the three tiers are to go to block. */
export type Proposal = {
  readonly segmentOf: (name: HostName) => string;
  readonly order: readonly HostName[];
};

/** Learns from what was seen, shows the proposal, and simulates it: nothing of normal use may be denied. */
export async function learn(cast: Cast): Promise<Proposal> {
  const { checks, operator, lab } = cast;
  checks.phase("Learn and simulate: a policy that breaks nothing");
  checks.note(await operator.type("learn", "-o", PROPOSAL));
  const text = readFileSync(lab.host("controller").file(`${PROPOSAL}/report.json`), "utf8");
  const { segments, rules, order } = report.parse(JSON.parse(text));
  const proposal = checkSegments(cast, segments, order);
  checks.add({
    tried: "rules proposed",
    expected: "some, fewer than 20",
    seen: `${rules.length}`,
    passed: rules.length > 0 && rules.length < 20,
  });
  await simulate(cast);
  return proposal;
}

function checkSegments(
  { checks }: Cast,
  segments: z.infer<typeof report>["segments"],
  order: readonly string[],
): Proposal {
  const homes = new Map(segments.flatMap(({ name, members }) => members.map((member) => [member, name])));
  checks.add({
    tried: "segments proposed",
    expected: "a segment of its own for each tier",
    seen: segments.map(({ name, members }) => `${name} = ${members.join(", ")}`).join("; "),
    passed:
      managedHosts.every((name) => homes.has(name)) &&
      blockOrder.every((name) => segments.some((one) => one.members.length === 1 && one.members[0] === name)),
  });
  const tiers = order.flatMap((segment) => blockOrder.filter((name) => homes.get(name) === segment));
  checks.add({
    tried: "order proposed for block",
    expected: blockOrder.join(", "),
    seen: tiers.join(", "),
    passed: tiers.join() === blockOrder.join(),
  });
  return { segmentOf: (name) => homes.get(name) ?? name, order: tiers };
}

async function simulate({ checks, operator }: Cast): Promise<void> {
  checks.note(await operator.type("simulate"));
  const [result] = await operator.ask(simulateReply, "simulate");
  if (result === undefined) throw new Error("`ringwall simulate` printed nothing");
  checks.add({
    tried: "recorded connections that the proposal would deny in block",
    expected: "0",
    seen: `${result.denied} of ${result.connections}`,
    passed: result.denied === 0 && result.newlyDenied.length === 0 && result.connections > 0,
  });
}
