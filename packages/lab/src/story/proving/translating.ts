import { hosts } from "../../topology.ts";
import type { Stage } from "../cast.ts";
import { addSeen, expectPath, expectPathAlert, expectProved, until } from "./expecting.ts";
import { connect, ports } from "./programs.ts";

const ENDS = { from: "app", to: "db" } as const;
/** What the hosts are to each other where their packets are translated; their agents are told so. */
export const OUTSIDE = "10.99.0.12";
export const VIRTUAL = "10.99.0.13";
const PROFILE_MS_MAX = 90_000;

/** A NAT between two hosts: their proofs are wrong until both agents' reports have given the pair a profile. */
export async function behindNat(cast: Stage): Promise<void> {
  const { lab } = cast;
  const ask = () => connect(lab, ENDS.from, VIRTUAL, ports.required);
  const sinceMs = Date.now();
  await lab.way.translate({
    source: hosts.app.ipv4,
    outside: OUTSIDE,
    virtual: VIRTUAL,
    destination: hosts.db.ipv4,
  });
  try {
    const tried = "addresses translated on the way, before anybody knows of it";
    addSeen(cast, { ...ENDS, tried, expected: "refused" }, await ask());
    await untilKnown(cast, ask);
    await expectProved(cast, "ringwall get flows: its level", { ...ENDS, port: ports.required, sinceMs });
    const fits = ({ proved, wrong }: { proved: number; wrong: number }) => proved > 0 && wrong > 0;
    await expectPath(cast, ENDS.from, ENDS.to, "expected", { fits });
    const words = `between \`${ENDS.from}\` and \`${ENDS.to}\` arrive and are wrong: they leave addresses out`;
    await expectPathAlert(cast, "an alert names the pair's profile", ENDS, words);
  } finally {
    await lab.way.clear();
  }
  const direct = await connect(lab, ENDS.from, "db4", ports.required);
  addSeen(cast, { ...ENDS, tried: "the same pair without the NAT", expected: "gets through" }, direct);
}

async function untilKnown(cast: Stage, ask: () => ReturnType<typeof connect>): Promise<void> {
  const beganMs = Date.now();
  let last = { reached: false, detail: "" };
  await until(async () => {
    last = await ask();
    return last.reached;
  }, PROFILE_MS_MAX);
  const seconds = Math.round((Date.now() - beganMs) / 1000);
  const tried = "the same, once both agents' reports have given the pair a profile";
  const detail = `${last.detail}, in ${seconds} s`;
  addSeen(cast, { ...ENDS, tried, expected: "gets through" }, { ...last, detail });
}
