import { existsSync, readdirSync, rmSync } from "node:fs";
import type { Problem } from "@ringwall/model";
import { errno, native } from "../kernel/native.ts";

/** Links that come and go by themselves (a network namespace's) have a `-` in their name. */
const LASTING = /^[a-z0-9_]+$/;

/** Watches that the programs stay attached: root can remove their pins, or detach a link whose pin stays. */
export type LinkGuard = {
  /** Puts back what is missing. */
  readonly look: () => Promise<void>;
  /** What was removed since the agent started; the other end of every connection judged meanwhile. */
  readonly problems: () => readonly Problem[];
};

export type LinkGuardParts = {
  readonly pinDir: string;
  /** Loads the programs again; policy and processes stay where the maps are. */
  readonly load: () => Promise<void>;
  readonly nowMs: () => number;
  readonly onRemoved: (message: string) => void;
};

export function createLinkGuard({ pinDir, load, nowMs, onRemoved }: LinkGuardParts): LinkGuard {
  const links = `${pinDir}/links`;
  const names = readdirSync(links).filter((name) => LASTING.test(name));
  let problem: Problem | null = null;

  async function look(): Promise<void> {
    const missing = names.filter((name) => !isInPlace(`${links}/${name}`));
    if (missing.length === 0) return;
    const mapsThere = existsSync(`${pinDir}/maps/active`);
    const what = `${missing.length} of ${names.length} programs were taken out of the kernel (${missing.slice(0, 3).join(", ")})`;
    problem = {
      code: "programs-removed",
      severity: "error",
      message: `${what} at ${new Date(nowMs()).toISOString()}${mapsThere ? ", and put back within seconds" : ""}`,
      fix: mapsThere
        ? "find out who did that: it takes root; `ringwall get flows` has what passed meanwhile at the other ends"
        : "restart the agent: its maps are gone as well",
    };
    onRemoved(problem.message);
    // The loader attaches anew what has no pin.
    for (const name of missing) rmSync(`${links}/${name}`, { force: true });
    if (mapsThere) await load();
  }

  return { look, problems: () => (problem === null ? [] : [problem]) };
}

/** What can't be told, for want of descriptors for example, is no reason to take a link out and put it back. */
function isInPlace(pin: string): boolean {
  const link = native().open(pin);
  if (link < 0) return link !== errno.ENOENT;
  const attached = native().isAttached(link);
  native().close(link);
  return attached !== 0;
}
