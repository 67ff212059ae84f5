import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import { isUnchanged } from "./digest.ts";
import type { FileTools } from "./executable-file.ts";
import { type Execution, isOlderThan, isYoung } from "./execution.ts";
import type { ScriptFacts } from "./identity-book.ts";
import { injectingEnvironment, withInjected } from "./injecting-environment.ts";
import { resolveScript, type ScriptSource } from "./interpreters/resolve-script.ts";
import { readProcLink } from "./proc.ts";
import { walkPath } from "./walk-path.ts";

/** What an execution runs beside its executable, hashed; never throws for what the process did. */
export async function identifyScript(
  execution: Execution,
  executable: string,
  tools: FileTools,
): Promise<ScriptFacts> {
  const { tgid, argv, environment } = execution;
  const root = (await readProcLink(tgid, "root")) ?? "/";
  const cwd = withinRoot((await readProcLink(tgid, "cwd")) ?? "/", root);
  const { source, injected } = resolveScript({
    executable,
    filename: execution.filename === "" ? executable : execution.filename,
    argv,
    cwd,
    environment: new Map(environment.map(splitVariable)),
  });
  const variables = withInjected(injectingEnvironment(environment), injected);
  const moved = source.kind === "file" && source.relative && !(await isInDirectory(execution));
  if (moved) return { script: null, scriptSha256: null, unattributable: "deleted", environment: variables };
  return { ...(await describeSource(source, execution, tools)), environment: variables };
}

type SourceFacts = Omit<ScriptFacts, "environment">;

async function describeSource(
  source: ScriptSource,
  execution: Execution,
  tools: FileTools,
): Promise<SourceFacts> {
  switch (source.kind) {
    case "none":
      return { script: null, scriptSha256: null, unattributable: null };
    case "unattributable":
      return { script: null, scriptSha256: null, unattributable: source.why };
    case "file":
      return (
        (await firstFile(source.candidates, execution, tools)) ?? {
          script: source.candidates[0] ?? null,
          scriptSha256: null,
          unattributable: "deleted",
        }
      );
  }
}

async function firstFile(
  candidates: readonly string[],
  execution: Execution,
  tools: FileTools,
): Promise<SourceFacts | undefined> {
  for (const candidate of candidates) {
    const facts = await hashScript(candidate, execution, tools);
    if (facts !== undefined) return facts;
  }
  return undefined;
}

/** Undefined where the candidate is no regular file, so that the next one is looked at. */
async function hashScript(
  candidate: string,
  execution: Execution,
  tools: FileTools,
): Promise<SourceFacts | undefined> {
  const root = `/proc/${execution.tgid}/root`;
  const walked = await walkPath(root, candidate);
  if (walked === undefined || !walked.stat.isFile()) return undefined;
  const gone: SourceFacts = { script: walked.path, scriptSha256: null, unattributable: "deleted" };
  // Not followed and not waited for: what was a plain file a moment ago may be a link or a pipe now.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(root + walked.path, flags).catch(() => undefined);
  if (file === undefined) return gone;
  try {
    const before = await file.stat({ bigint: true });
    const key = `${before.dev}:${before.ino}:${before.ctimeNs}:${before.size}`;
    const cached = tools.cache.get(key);
    const digest = cached ?? (await tools.digestOf(file));
    const after = await file.stat({ bigint: true });
    const isOld = (ctimeNs: bigint) => isOlderThan(execution, ctimeNs, tools.clock);
    const same = isUnchanged(walked.stat, before) && isUnchanged(before, after);
    if (!same || !isOld(after.ctimeNs) || !isOld(walked.linksChangedNs)) return gone;
    if (cached === undefined && !isYoung(after.ctimeNs, tools.clock)) tools.cache.set(key, digest);
    return { script: walked.path, scriptSha256: digest.sha256, unattributable: null };
  } finally {
    await file.close();
  }
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
