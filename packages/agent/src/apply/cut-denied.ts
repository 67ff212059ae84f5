import { readlink } from "node:fs/promises";
import { cutConnections } from "../kernel-instance.ts";

/** Milliseconds until connections are looked at again whose process was not known yet: as long as a SYN may be held. */
const AGAIN_MS = 3500;
/** Network namespaces that are looked into; containers beyond that keep their connections. */
const NAMESPACES_MAX = 1024;

export type CutTools = {
  readonly tgids: () => Iterable<number>;
  /** Ends what is denied in one network namespace; returns how many. */
  readonly cut: (netns: string) => Promise<number>;
  readonly onCut: (count: number) => void;
  readonly onError: (error: unknown) => void;
};

/**
 * Ends the connections that the policy in force denies, in every network namespace of the given processes: now, and
 * again once unknown processes have had their time. The policy holds for new connections whatever comes of this.
 */
export async function cutDenied(tools: CutTools): Promise<void> {
  await cutOnce(tools);
  setTimeout(() => cutOnce(tools).catch(tools.onError), AGAIN_MS).unref();
}

async function cutOnce({ tgids, cut, onCut, onError }: CutTools): Promise<void> {
  let count = 0;
  for (const netns of await namespacesOf(tgids())) {
    // A namespace may vanish with its last process: the others are cut all the same.
    count += await cut(netns).catch((error: unknown) => {
      onError(error);
      return 0;
    });
  }
  if (count > 0) onCut(count);
}

/** One path for each network namespace, our own first. */
async function namespacesOf(tgids: Iterable<number>): Promise<readonly string[]> {
  const paths = new Map<string, string>();
  for (const pid of ["self", ...tgids]) {
    if (paths.size === NAMESPACES_MAX) break;
    const path = `/proc/${pid}/ns/net`;
    const name = await readlink(path).catch(() => undefined);
    if (name !== undefined && !paths.has(name)) paths.set(name, path);
  }
  return [...paths.values()];
}

/** The tools of a running agent. */
export function cutTools(
  pinDir: string,
  tgids: CutTools["tgids"],
  { onCut, onError }: Pick<CutTools, "onCut" | "onError">,
): CutTools {
  return { tgids, cut: (netns) => cutConnections(pinDir, netns), onCut, onError };
}
