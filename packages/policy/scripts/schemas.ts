import { assertion, policy, resource, segment, software, workload } from "@ringwall/model";
import { z } from "zod";

/** JSON Schema (2020-12) of each kind and of any resource, as files for editors. */
export function resourceSchemas(): readonly { readonly file: string; readonly text: string }[] {
  const all = { resource, workload, software, segment, policy, assertion };
  return Object.entries(all).map(([name, schema]) => ({
    file: `${name}.schema.json`,
    text: `${JSON.stringify(z.toJSONSchema(schema, { io: "input" }), null, 2)}\n`,
  }));
}
