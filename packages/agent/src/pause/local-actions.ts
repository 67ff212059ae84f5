import { existsSync } from "node:fs";
import { appendFile, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

/** Actions that wait for the controller's audit; a person does not do more of them while it is away. */
export const LOCAL_ACTIONS_MAX = 1000;

const localAction = z.object({
  /** The same action has the same id, however often it is told. */
  id: z.string().max(128),
  what: z.enum(["pause", "resume"]),
  timeMs: z.int().nonnegative(),
  /** 0 where it has no end. */
  untilMs: z.int().nonnegative(),
  user: z.string().max(256),
  reason: z.string().max(1000),
});

/** What a person did with root's rights on the host itself, past the controller. */
export type LocalAction = z.infer<typeof localAction>;

const FILE = "actions.ndjson";
const TAKEN = `${FILE}.taken`;

/** Written by the command, whether or not an agent runs. */
export async function appendLocalAction(stateDir: string, action: LocalAction): Promise<void> {
  await appendFile(join(stateDir, FILE), `${JSON.stringify(action)}\n`, { mode: 0o600 });
}

/** Whether any may wait: two quick looks, for who asks often. */
export function mayHaveActions(stateDir: string): boolean {
  return existsSync(join(stateDir, FILE)) || existsSync(join(stateDir, TAKEN));
}

/** The waiting actions, and how to forget exactly these: what is written meanwhile stays. */
export async function takeLocalActions(
  stateDir: string,
): Promise<{ readonly actions: readonly LocalAction[]; readonly forget: () => Promise<void> }> {
  const taken = join(stateDir, TAKEN);
  // What an earlier attempt could not tell comes first.
  const before = await readFile(taken, "utf8").catch(() => null);
  if (before === null) await rename(join(stateDir, FILE), taken).catch(() => undefined);
  const text = before ?? (await readFile(taken, "utf8").catch(() => ""));
  const actions = text.split("\n").flatMap((line) => parseAction(line) ?? []);
  return { actions: actions.slice(-LOCAL_ACTIONS_MAX), forget: () => rm(taken, { force: true }) };
}

function parseAction(line: string): LocalAction | undefined {
  try {
    return localAction.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
