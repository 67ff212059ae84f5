import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { isUnchanged } from "./digest.ts";
import type { FileTools } from "./executable-file.ts";
import { type Execution, isOlderThan } from "./execution.ts";
import type { ScriptFacts } from "./identity-book.ts";
import { injectingEnvironment, withInjected } from "./injecting-environment.ts";
import { interpreterOf, resolveScript, type ScriptSource } from "./interpreters/resolve-script.ts";
import { readProcLink } from "./proc.ts";
import { readDigest } from "./read-digest.ts";
import { type WalkedPath, walkPath } from "./walk-path.ts";

/** The script of an execution, found and opened but not read yet. */
export type OpenScript = {
  readonly environment: readonly string[];
  readonly found:
    | { readonly kind: "facts"; readonly facts: SourceFacts }
    | { readonly kind: "file"; readonly walked: WalkedPath; readonly file: FileHandle };
};

type SourceFacts = Omit<ScriptFacts, "environment">;

/**
 * Finds and opens what an execution runs beside its executable. To be done at once: it reads the process's root and
 * directory, which are gone when a short-lived process is.
 */
export async function openScript(execution: Execution, executable: string): Promise<OpenScript> {
  const { tgid, argv, environment, filename } = execution;
  const root = (await readProcLink(tgid, "root")) ?? "/";
  const cwd = withinRoot((await readProcLink(tgid, "cwd")) ?? "/", root);
  const { source, injected } = resolveScript({
    executable,
    filename: filename === "" ? executable : filename,
    argv,
    cwd,
    environment: new Map(environment.map(splitVariable)),
  });
  const variables = withInjected(
    injectingEnvironment(environment, interpreterOf(executable)?.name),
    injected,
  );
  return { environment: variables, found: await openSource(source, execution) };
}

/** Reads and judges what was opened, and closes it. */
export async function identifyScript(
  execution: Execution,
  script: OpenScript,
  tools: FileTools,
): Promise<ScriptFacts> {
  const { environment, found } = script;
  if (found.kind === "facts") return { ...found.facts, environment };
  try {
    return { ...(await hashScript(found, execution, tools)), environment };
  } finally {
    await found.file.close();
  }
}

export async function closeScript({ found }: OpenScript): Promise<void> {
  if (found.kind === "file") await found.file.close();
}

async function openSource(source: ScriptSource, execution: Execution): Promise<OpenScript["found"]> {
  switch (source.kind) {
    case "none":
      return facts(null, null);
    case "unattributable":
      return facts(null, source.why);
    case "file":
      // A relative path must mean what it meant when the interpreter was called.
      if (source.relative && !(await isInDirectory(execution))) return facts(null, "deleted");
      return (
        (await firstFile(source.candidates, execution)) ?? facts(source.candidates[0] ?? null, "deleted")
      );
  }
}

function facts(script: string | null, unattributable: ScriptFacts["unattributable"]): OpenScript["found"] {
  return { kind: "facts", facts: { script, scriptSha256: null, unattributable } };
}

/** The first candidate that is a regular file, or undefined. */
async function firstFile(
  candidates: readonly string[],
  execution: Execution,
): Promise<OpenScript["found"] | undefined> {
  const root = `/proc/${execution.tgid}/root`;
  for (const candidate of candidates) {
    const walked = await walkPath(root, candidate);
    if (walked === undefined || !walked.stat.isFile()) continue;
    // Not followed and not waited for: what was a plain file a moment ago may be a link or a pipe now.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(root + walked.path, flags).catch(() => undefined);
    return file === undefined ? facts(walked.path, "deleted") : { kind: "file", walked, file };
  }
  return undefined;
}

async function hashScript(
  { walked, file }: Extract<OpenScript["found"], { kind: "file" }>,
  execution: Execution,
  tools: FileTools,
): Promise<SourceFacts> {
  const before = await file.stat({ bigint: true });
  const digest = await readDigest(file, before, tools);
  const after = await file.stat({ bigint: true });
  const isOld = (ctimeNs: bigint) => isOlderThan(execution, ctimeNs, tools.clock);
  const same = isUnchanged(walked.stat, before) && isUnchanged(before, after);
  if (!same || !isOld(after.ctimeNs) || !isOld(walked.linksChangedNs)) {
    return { script: walked.path, scriptSha256: null, unattributable: "deleted" };
  }
  return { script: walked.path, scriptSha256: digest.sha256, unattributable: null };
}

/** Whether the process is still where it was at its exec, so that a relative path means what it meant. */
async function isInDirectory(execution: Execution): Promise<boolean> {
  if (execution.cwdInode === undefined) return true;
  const now = await stat(`/proc/${execution.tgid}/cwd`, { bigint: true }).catch(() => undefined);
  return now?.ino === execution.cwdInode;
}

function withinRoot(path: string, root: string): string {
  const plain = path.replace(/ \(deleted\)$/, "");
  if (root === "/" || !(plain === root || plain.startsWith(`${root}/`))) return plain;
  return plain.slice(root.length) || "/";
}

function splitVariable(entry: string): readonly [string, string] {
  const cut = entry.indexOf("=");
  return cut < 0 ? [entry, ""] : [entry.slice(0, cut), entry.slice(cut + 1)];
}
