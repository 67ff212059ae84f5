import { readFile } from "node:fs/promises";
import { agentError } from "../agent-error.ts";
import type { AgentPlaces } from "../agent-options.ts";
import { createUserNames } from "../identify/users.ts";
import { openPinned } from "../kernel-instance.ts";
import { readMapsName } from "../state/clocks.ts";
import { appendLocalAction } from "./local-actions.ts";
import { PAUSE_SECONDS_MAX, setPause } from "./set-pause.ts";

export type PauseOrder = {
  /** 0 = enforce again. */
  readonly seconds: number;
  readonly reason: string;
};

/**
 * Break-glass on the host itself: works on the pinned programs, so with or without an agent and a controller. What is
 * refused otherwise is let through and told until the deadline, which the programs look at themselves.
 */
export async function pauseAgent(
  { stateDir, pinDir }: AgentPlaces,
  { seconds, reason }: PauseOrder,
): Promise<{ readonly untilMs: number; readonly audited: boolean }> {
  if (seconds > PAUSE_SECONDS_MAX) {
    throw agentError(
      "pause-too-long",
      `a pause of ${seconds} s is longer than ${PAUSE_SECONDS_MAX} s`,
      `pause for ${PAUSE_SECONDS_MAX / 3600} h at most; the same command again begins a new pause`,
    );
  }
  const kernel = openPinned(pinDir);
  const nowMs = Date.now();
  const untilMs = seconds === 0 ? 0 : nowMs + seconds * 1000;
  try {
    const uid = await auditUid();
    // First what people wait for; that it can't be written down must not keep enforcement up.
    const serial = setPause(kernel, seconds, { uid, remote: false });
    const action = {
      id: `${await readMapsName(pinDir)} ${serial}`,
      what: seconds === 0 ? ("resume" as const) : ("pause" as const),
      timeMs: nowMs,
      untilMs,
      user: createUserNames()(uid) ?? String(uid),
      reason: reason.slice(0, 1000),
    };
    const audited = await appendLocalAction(stateDir, action).then(
      () => true,
      () => false,
    );
    return { untilMs, audited };
  } finally {
    kernel.close();
  }
}

const NOBODY_LOGGED_IN = 0xffffffff;

/** Who logged in, also behind su and sudo, where the kernel knows; else who runs this. */
async function auditUid(): Promise<number> {
  const text = await readFile("/proc/self/loginuid", "utf8").catch(() => "");
  const uid = /^\d+\s*$/.test(text) ? Number(text) : NOBODY_LOGGED_IN;
  return uid === NOBODY_LOGGED_IN ? (process.getuid?.() ?? 0) : uid;
}
