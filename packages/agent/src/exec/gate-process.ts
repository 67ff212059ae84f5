import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { endsWithAgent } from "../end.ts";
import { GATE_PATH } from "./probe-gate.ts";

/** Who wants to execute a file, and which: `key` stands for its content until it changes. */
export type GateQuestion = {
  readonly pid: number;
  readonly uid: number;
  readonly ppid: number;
  readonly key: string;
};

export type GateParts = {
  /** Path below the cgroup2 root whose processes are asked about; empty: all. */
  readonly scope: string;
  /** Only the file systems of these paths; undefined: every mounted one. */
  readonly paths?: readonly string[];
  readonly failOpen: boolean;
  /** The file is open under this path until it was answered. */
  readonly onAsk: (question: GateQuestion, file: string) => Promise<GateAnswer>;
  /** A file that was found out earlier was refused, or one that was just answered. */
  readonly onDenied: (question: GateQuestion) => void;
  /** Nobody answered in time: the fail mode did. */
  readonly onExpired: (question: GateQuestion, allowed: boolean) => void;
  /** A file system about which the kernel won't ask. */
  readonly onUnmarked: (what: string) => void;
  /** It ended, though nobody told it to: the kernel asks nobody until it runs again. */
  readonly onEnd: (how: string) => void;
};

/** `keep`: it holds for this file until the file changes or everything is forgotten. */
export type GateAnswer = { readonly allow: boolean; readonly keep: boolean };

/** Milliseconds that a gate may take to be ready, to forget or to end; then it is killed. */
const SILENCE_MS_MAX = 5000;

/** A gate that is silent for too long is killed. Promises reject only where that is in vain. */
export type Gate = {
  /** Resolves when the kernel asks it, or when it has ended instead. */
  readonly ready: Promise<void>;
  readonly setFailOpen: (failOpen: boolean) => void;
  /** What was found out holds no more: another policy. Resolves when that is so. */
  readonly forget: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export function startGate(parts: GateParts): Gate {
  const { scope, paths = [], failOpen } = parts;
  const named = paths.flatMap((path) => ["--path", path]);
  const gate: ChildProcess = spawn(
    GATE_PATH,
    ["run", "--scope", scope, "--fail", failOpen ? "open" : "static", ...named],
    { stdio: ["pipe", "pipe", "pipe"], ...endsWithAgent },
  );
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const forgetting: (() => void)[] = [];
  let stopping = false;
  let said = "";

  function end(how: string): void {
    ended.resolve();
    if (!stopping) parts.onEnd(said === "" ? how : `${how}: ${said.trim()}`);
    stopping = true;
  }

  /** One that has ended knows nothing either, and asks nobody. */
  async function orKill(what: string, done: Promise<void>): Promise<void> {
    if (await isInTime(Promise.race([done, ended.promise]))) return;
    said = `${what} took more than ${SILENCE_MS_MAX} ms`;
    gate.kill("SIGKILL");
    if (await isInTime(ended.promise)) return;
    gate.unref();
    for (const stream of gate.stdio) stream?.destroy();
    throw new Error(`${said}, and it can't be killed: a file system that it looks at hangs`);
  }

  gate.on("error", (error) => {
    if (gate.pid === undefined) end(error.message);
  });
  gate.once("close", (code, signal) => end(code === null ? `${signal}` : `exit code ${code}`));
  // It may be gone before it is told something. One that could not be started may have no streams.
  gate.stdin?.on("error", () => undefined);
  gate.stderr?.on("data", (data) => {
    said = (said + String(data)).slice(-1000);
  });
  const take = createTaker(gate, parts, { ready: ready.resolve, forgotten: () => forgetting.shift()?.() });
  if (gate.stdout) createInterface({ input: gate.stdout }).on("line", take);
  return {
    ready: orKill("to be ready", ready.promise),
    setFailOpen: (open) => gate.stdin?.write(`fail ${open ? "open" : "static"}\n`),
    forget: () => {
      const done = new Promise<void>((resolve) => forgetting.push(resolve));
      gate.stdin?.write("forget\n");
      return orKill("to forget", done);
    },
    stop: () => {
      stopping = true;
      gate.stdin?.end();
      return orKill("to end", ended.promise);
    },
  };
}

/** What has arrived by then counts, though this process was too busy to look. */
async function isInTime(done: Promise<void>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => setImmediate(late.resolve, false), SILENCE_MS_MAX);
  try {
    return await Promise.race([done.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function createTaker(
  gate: ChildProcess,
  parts: GateParts,
  on: { readonly ready: () => void; readonly forgotten: () => void },
): (line: string) => void {
  const answer = (id: string, { allow, keep }: GateAnswer) =>
    gate.stdin?.write(`answer ${id} ${allow ? "allow" : "deny"} ${keep ? "keep" : "once"}\n`);
  return (line) => {
    const [what = "", ...words] = line.split(" ");
    switch (what) {
      case "ready":
        return on.ready();
      case "forgotten":
        return on.forgotten();
      case "ask": {
        const [id = "", pid, uid, ppid, file, key] = words;
        const question = toQuestion([pid, uid, ppid, key]);
        // What fails here is answered by the clock, that is, by the fail mode.
        parts.onAsk(question, `/proc/${gate.pid}/fd/${file}`).then(
          (given) => answer(id, given),
          () => undefined,
        );
        return;
      }
      case "denied":
        return parts.onDenied(toQuestion(words));
      case "expired":
        return parts.onExpired(toQuestion(words), words[4] === "allow");
      case "unmarked":
        return parts.onUnmarked(words.join(" "));
    }
  };
}

function toQuestion([pid, uid, ppid, key = ""]: readonly (string | undefined)[]): GateQuestion {
  return { pid: Number(pid), uid: Number(uid), ppid: Number(ppid), key };
}
