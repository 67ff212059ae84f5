import {
  evidence as evidenceSchema,
  fail,
  flowEnd,
  ok,
  type ProcessIdentity,
  type Result,
} from "@ringwall/model";
import type { Process } from "@ringwall/protocol/agent";
import { PROCESS_ENVIRONMENT_MAX, PROCESS_PATH_LENGTH_MAX, PROCESS_TEXT_LENGTH_MAX } from "./limits.ts";

const DIGEST = /^(?:[0-9a-f]{64})?$/;
const TEXTS = ["user", "unit", "container", "image", "package"] as const;

/** Checks one process of a batch; empty text means not known. The error says which field is wrong. */
export function decodeProcess(process: Process): Result<ProcessIdentity, string> {
  for (const field of ["exe", "script"] as const) {
    const text = process[field];
    if (text.length > PROCESS_PATH_LENGTH_MAX)
      return fail(`\`${field}\` is longer than ${PROCESS_PATH_LENGTH_MAX}`);
    if (text.includes("\0")) return fail(`\`${field}\` holds a NUL`);
    if (text !== "" && !text.startsWith("/")) return fail(`\`${field}\` is not an absolute path`);
  }
  if (!DIGEST.test(process.exeSha256)) return fail("`exe_sha256` is not a SHA-256 digest");
  if (!DIGEST.test(process.scriptSha256)) return fail("`script_sha256` is not a SHA-256 digest");
  for (const field of TEXTS) {
    if (process[field].length > PROCESS_TEXT_LENGTH_MAX) {
      return fail(`\`${field}\` is longer than ${PROCESS_TEXT_LENGTH_MAX}`);
    }
    if (process[field].includes("\0")) return fail(`\`${field}\` holds a NUL`);
  }
  const unattributable = flowEnd.shape.unattributable.safeParse(orNull(process.unattributable));
  if (!unattributable.success) return fail("`unattributable` is none of the known kinds");
  const evidence = evidenceSchema.nullable().safeParse(orNull(process.evidence));
  if (!evidence.success) return fail("`evidence` is none of the known kinds");
  const { environment } = process;
  if (
    environment.length > PROCESS_ENVIRONMENT_MAX ||
    environment.some((one) => one.length > PROCESS_PATH_LENGTH_MAX)
  ) {
    return fail("`environment` is too large");
  }
  return ok({
    exe: process.exe,
    exeSha256: orNull(process.exeSha256),
    script: orNull(process.script),
    scriptSha256: orNull(process.scriptSha256),
    unattributable: unattributable.data ?? null,
    user: orNull(process.user),
    unit: orNull(process.unit),
    container: orNull(process.container),
    image: orNull(process.image),
    package: orNull(process.package),
    evidence: evidence.data,
    environment: [...environment].sort(),
  });
}

function orNull(text: string): string | null {
  return text === "" ? null : text;
}
