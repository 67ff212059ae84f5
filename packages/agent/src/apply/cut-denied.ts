import { cutConnections } from "../kernel-instance.ts";
import { namespacesOf } from "../observe/namespaces.ts";

/** Milliseconds until connections are looked at again whose process was not known yet: as long as a SYN may be held. */
const AGAIN_MS = 3500;

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
  for (const { path } of await namespacesOf(tgids())) {
    // A namespace may vanish with its last process: the others are cut all the same.
    count += await cut(path).catch((error: unknown) => {
      onError(error);
      return 0;
    });
  }
  if (count > 0) onCut(count);
}

/** The tools of a running agent. */
export function cutTools(
  pinDir: string,
  tgids: CutTools["tgids"],
  { onCut, onError }: Pick<CutTools, "onCut" | "onError">,
): CutTools {
  return { tgids, cut: (netns) => cutConnections(pinDir, netns), onCut, onError };
}
