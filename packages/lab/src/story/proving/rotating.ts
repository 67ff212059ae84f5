import { workloadView } from "@ringwall/protocol/rest";
import { onThisMachine, SLOWNESS } from "../../slowness.ts";
import type { Stage } from "../cast.ts";
import { connect, ports } from "./programs.ts";

const HOSTS = ["app", "db"] as const;
/** Fewer on a slow machine, where they take as long, and as many turns. */
const CONNECTIONS = Math.round(10_000 / SLOWNESS);
const PERIOD = `${onThisMachine(1)}s`;
const TURNS_MIN = 3;
/** On a busy machine keys turn later; on a quick one the connections are soon made. */
const BATCHES_MAX = 5;

/** Both ends turn their keys all the time while connections are made under `required`: none is lost. */
export async function rotateUnderLoad(cast: Stage): Promise<void> {
  const { agents, checks, lab } = cast;
  for (const name of HOSTS) await agents.restartOne(name, { args: ["--proof-period", PERIOD] });
  await agents.settled();
  const before = await generations(cast);
  const whole = `${CONNECTIONS} of ${CONNECTIONS}`;
  let seen = whole;
  let turns: readonly number[] = [];
  for (let batch = 0; batch < BATCHES_MAX && seen === whole; batch++) {
    seen = (await connect(lab, "app", "db4", ports.required, { count: CONNECTIONS })).detail;
    const after = await generations(cast);
    turns = HOSTS.map((name) => (after.get(name) ?? 0) - (before.get(name) ?? 0));
    if (turns.every((count) => count >= TURNS_MIN)) break;
  }
  checks.add({
    tried: `connections while both ends turn their keys every ${PERIOD}, \`verified: required\``,
    from: "app",
    to: "db",
    expected: whole,
    seen,
    passed: seen === whole,
  });
  checks.add({
    tried: "keys turned meanwhile",
    expected: `at least ${TURNS_MIN} times at each end`,
    seen: HOSTS.map((name, index) => `${name} ${turns[index]} times`).join(", "),
    passed: turns.every((count) => count >= TURNS_MIN),
  });
  for (const name of HOSTS) await agents.restartOne(name, {});
  await agents.settled();
}

async function generations({ operator }: Stage): Promise<ReadonlyMap<string, number>> {
  const workloads = await operator.ask(workloadView, "get", "workloads");
  return new Map(workloads.map(({ name, agent }) => [name, agent?.proof?.generations.at(-1) ?? 0]));
}
