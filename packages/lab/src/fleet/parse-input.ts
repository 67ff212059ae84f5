import { BadArgument } from "@ringwall/model/testing/arguments";
import type { z } from "zod";

/**
 * What a file that a generator was given says, as JSON of the wanted shape. Throws `BadArgument` with the first thing that is
 * wrong: the file is its user's to mend.
 *
 * @param place where the text stands, for the message: "`graph.json`"
 */
export function parseInput<T>(schema: z.ZodType<T>, text: string, place: string): T {
  const parsed = schema.safeParse(parseJson(text, place));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue?.path.join(".") ?? "";
  const what = issue?.message.replace(/^Invalid input: /, "") ?? "";
  throw new BadArgument(`${place} is not what is wanted: ${at === "" ? "" : `\`${at}\`: `}${what}`);
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadArgument(`${place} is no JSON: ${error instanceof Error ? error.message : error}`);
  }
}
