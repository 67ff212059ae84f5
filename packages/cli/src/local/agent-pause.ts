import { pauseAgent } from "@ringwall/agent";
import { note, say } from "../output/print.ts";
import { type AgentPlaceOptions, explained, places } from "./agent-run.ts";

export type PauseOptions = AgentPlaceOptions & { readonly for: number; readonly reason: string };

export async function pause(options: PauseOptions): Promise<0> {
  const order = { seconds: options.for, reason: options.reason };
  const { untilMs, audited } = await explained(() => pauseAgent(places(options), order));
  say(
    `nothing is refused on this host until ${new Date(untilMs).toISOString()}; then enforcement is back by itself`,
  );
  if (!audited) warnUnaudited();
  return 0;
}

export async function resume(options: AgentPlaceOptions): Promise<0> {
  const { audited } = await explained(() => pauseAgent(places(options), { seconds: 0, reason: "" }));
  say("enforcement is back");
  if (!audited) warnUnaudited();
  return 0;
}

function warnUnaudited(): void {
  note("the state directory can't be written: the audit gets time and user from the kernel, but no reason");
}
