import { type ChangeReply, changeReply } from "@ringwall/protocol/rest";
import { commandName } from "../command-name.ts";
import { cleanLines } from "../output/clean.ts";
import { note, paint, say, sayJson } from "../output/print.ts";
import { plural } from "../output/size.ts";
import { formatClock, formatSpan } from "../output/time.ts";
import { openApi } from "../server/api.ts";
import type { ServerOptions } from "../server/locate.ts";

/** Asks the controller for a change of what is enforced and tells what came of it and what to type next. */
export async function requestChange(
  options: ServerOptions & { readonly json?: boolean },
  path: string,
  body: unknown,
): Promise<0> {
  const reply = await openApi(options).send("POST", path, body, changeReply);
  if (options.json) sayJson(reply);
  else for (const line of changeLines(reply, Date.now())) say(line);
  for (const warning of reply.warnings)
    note(`${paint("yellow", "warning:", process.stderr)} ${cleanLines(warning)}`);
  return 0;
}

export function changeLines(reply: ChangeReply, nowMs: number): string[] {
  const { hosts, pending } = reply;
  const told = `${hosts.told} of ${plural(hosts.connected, "connected host")} told`;
  const first = `revision ${reply.revision} (generation ${reply.generation}) is in force, ${told}`;
  if (pending === null) return [first];
  const left = formatSpan(Date.parse(pending.deadline) - nowMs);
  return [
    first,
    paint("yellow", `it reverts by itself at ${formatClock(pending.deadline)} (in ${left}) unless you type:`),
    `  ${paint("bold", `${commandName()} confirm`)}`,
  ];
}
