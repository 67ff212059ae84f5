import type { Program } from "../hosts/host.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Ended } from "../hosts/process.ts";
import type { HostName } from "../topology.ts";

/** What came of an attempt: `reached` = the other end answered. */
export type Seen = { readonly reached: boolean; readonly detail: string };

/** What the controller has to know about an attempt that was refused, to find it among all flows. */
export type Trace = {
  readonly source: HostName;
  /** The end of the executable's path, or of the script's. */
  readonly program: string;
  readonly port: number;
};

export type Attack = {
  readonly id: string;
  /** What was tried, in words for the table. */
  readonly title: string;
  readonly from: HostName;
  readonly to: string;
  /** Whether it is expected to be refused in block. The controls are not: they show that the refusals are not blind. */
  readonly expected: "blocked" | "allowed";
  readonly trace: Trace;
  readonly attempt: (lab: Lab) => Promise<Seen>;
};

/** No attack may take longer; every program has a shorter limit of its own. */
const ATTACK_MS_MAX = 20_000;

/** Runs a program that prints `reached: …` when the other end has answered. */
export async function tryProgram(lab: Lab, from: HostName, program: Program): Promise<Seen> {
  return seenBy(await lab.host(from).run(program, ATTACK_MS_MAX));
}

/** Some programs print their line whatever comes of it, so that the exit code counts as well. */
export function seenBy(ended: Ended): Seen {
  const line = ended.stdout.split("\n").find((candidate) => candidate.startsWith("reached:"));
  if (ended.code === 0 && line !== undefined)
    return { reached: true, detail: line.slice("reached:".length).trim() };
  return { reached: false, detail: ended.timedOut ? "no end" : reason(ended) };
}

/** The system's word for it out of whatever the program printed. */
function reason(ended: Ended): string {
  const text = `${ended.stderr}\n${ended.stdout}`;
  const known = [
    "Operation not permitted",
    "Connection refused",
    "Couldn't connect to server",
    "Connection reset",
    "timed out",
    "timeout expired",
  ];
  const found = known.find((word) => text.toLowerCase().includes(word.toLowerCase()));
  return found ?? (text.trim().split("\n").at(-1) || `exit code ${ended.code}`).slice(0, 120);
}
