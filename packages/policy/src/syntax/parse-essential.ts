import { fail, ok, type Problem, type Result } from "@ringwall/model";
import { z } from "zod";
import type { EssentialConfig } from "../policy-set/essential.ts";
import { essentialProblems } from "./essential-problems.ts";
import { readYaml } from "./read-yaml.ts";
import { schemaProblems } from "./schema-problems.ts";
import { placeAt } from "./source.ts";

const texts = z.array(z.string());
const schema = z.strictObject({
  controller: z
    .strictObject({ addresses: texts, port: z.int().min(1).max(65535) })
    .nullable()
    .default(null),
  resolvers: texts.default([]),
  resolverSoftware: texts.default([]),
  dhcp: z.boolean().default(true),
  management: z.array(z.strictObject({ cidrs: texts, ports: texts })).default([]),
});

/** Reads the configuration of the essential flows, one YAML or JSON document; what is left out is not configured. */
export function parseEssential(file: {
  readonly file: string;
  readonly text: string;
}): Result<EssentialConfig> {
  const problems: Problem[] = [];
  const [first] = readYaml(file.file, file.text, problems);
  if (first === undefined || problems.length > 0)
    return fail(problems.length > 0 ? problems : [empty(file.file)]);
  const parsed = schema.safeParse(first.value);
  if (parsed.success) {
    const wrong = essentialProblems(parsed.data, (path) => placeAt(first.source, path));
    return wrong.length > 0 ? fail(wrong) : ok(parsed.data);
  }
  return fail(schemaProblems({ schema, value: first.value, source: first.source }, parsed.error.issues));
}

function empty(file: string): Problem {
  return {
    code: "not-a-resource",
    severity: "error",
    message: "the file is empty",
    fix: "give at least `management`",
    place: { file, line: 1, column: 1 },
  };
}
