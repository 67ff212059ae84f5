import { text } from "node:stream/consumers";
import { describeOption, formatDescribedOption } from "@ringwall/agent";
import { Failure } from "../failure.ts";
import { say, sayJson } from "../output/print.ts";

/** A packet with everything in it has less; more is not one. */
const HEX_LENGTH_MAX = 200_000;

/** Prints what a proof says; that it is right can be told only by who has the key. */
export async function decodeOption(hex: readonly string[], { json }: { json?: boolean }): Promise<0> {
  const given = hex.join(" ") === "-" ? await text(process.stdin) : hex.join(" ");
  const described = describeOption(given.slice(0, HEX_LENGTH_MAX));
  if (!described.ok) throw new Failure(described.error);
  if (json) sayJson(described.value);
  else say(formatDescribedOption(described.value));
  return 0;
}
