import { z } from "zod";
import { API_VERSION, name, path, sha256, unattributable } from "./common.ts";

const digests = z.union([sha256, z.array(sha256).min(1)]);

/** Fields are ANDed. `path` alone is level *named*: refused in block unless `allowNamed`. */
export const executableMatch = z.strictObject({
  package: z.string().min(1).optional(),
  path: path.optional(),
  sha256: digests.optional(),
});

export const scriptMatch = z.strictObject({ path: path.optional(), sha256: digests.optional() });

/** One way to be this software; the fields are ANDed. Without `script`, only the executable counts, whatever it interprets. */
export const softwareEntry = z.strictObject({
  executable: executableMatch.optional(),
  script: scriptMatch.optional(),
  /** Container image digest, `sha256:…`. */
  image: z.string().min(1).optional(),
  /** Code-injecting variables that are allowed, `NAME=value`; any other is refused. */
  environment: z.array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*=/, "NAME=value")).optional(),
  /**
   * Code that no file's content tells of: `stdin`, `inline` (`-c`, `-e`), `memfd`, `deleted`, `oversized`. No software
   * matches it unless named here.
   */
  unattributable: z.array(unattributable).min(1).optional(),
});

/** A name for a set of program identities: entries are ORed. */
export const software = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Software"),
  metadata: z.strictObject({ name, owner: z.string().optional() }),
  spec: z.strictObject({
    anyOf: z.array(softwareEntry).min(1),
    upgrades: z.enum(["pinned", "signed", "manual"]).optional(),
    allowNamed: z.boolean().optional(),
  }),
});

export type SoftwareEntry = z.infer<typeof softwareEntry>;
export type Software = z.infer<typeof software>;
