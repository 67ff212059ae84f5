import type { z } from "zod";
import type { Path } from "./source.ts";

/** Every key that a schema knows at a path, over all the alternatives of its unions; none where any key may stand. */
export function knownKeys(schema: z.core.$ZodType, path: Path): readonly string[] {
  let here: readonly z.core.$ZodType[] = [schema];
  for (const step of path) here = here.flatMap((one) => stepInto(one, step));
  return [...new Set(here.flatMap(keysOf))];
}

type Definition = {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly options?: readonly z.core.$ZodType[];
  readonly innerType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
};

// zod publishes its definitions as a union of some forty kinds; these fields are all that is read of it.
function definitionOf(schema: z.core.$ZodType): Definition {
  return schema._zod.def as unknown as Definition;
}

function stepInto(schema: z.core.$ZodType, step: string | number): readonly z.core.$ZodType[] {
  const { shape, options, innerType, element, valueType } = definitionOf(schema);
  if (shape !== undefined)
    return shape[String(step)] === undefined ? [] : [shape[String(step)] as z.core.$ZodType];
  if (options !== undefined) return options.flatMap((option) => stepInto(option, step));
  const only = innerType === undefined ? (element ?? valueType) : undefined;
  if (innerType !== undefined) return stepInto(innerType, step);
  return only === undefined ? [] : [only];
}

function keysOf(schema: z.core.$ZodType): readonly string[] {
  const { shape, options, innerType } = definitionOf(schema);
  if (shape !== undefined) return Object.keys(shape);
  if (options !== undefined) return options.flatMap(keysOf);
  return innerType === undefined ? [] : keysOf(innerType);
}
