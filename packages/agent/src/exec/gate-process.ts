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

export type Gate = {
  readonly setFailOpen: (failOpen: boolean) => void;
  /** What was found out holds no more: another policy. Resolves when that is so. */
  readonly forget: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** Starts the gate; resolves when the kernel asks it. Throws where it does not start. */
export async function startGate(parts: GateParts): Promise<Gate> {
  const { scope, paths = [], failOpen } = parts;
  const named = paths.flatMap((path) => ["--path", path]);
  const gate = spawn(GATE_PATH, ["run", "--scope", scope, "--fail", failOpen ? "open" : "static", ...named], {
    stdio: ["pipe", "pipe", "pipe"],
    ...endsWithAgent,
  });
  let stopping = false;
  const forgetting: (() => void)[] = [];
  let said = "";
  gate.stderr.on("data", (data) => {
    said = (said + String(data)).slice(-1000);
  });
  // It may be gone before it is told something.
  gate.stdin.on("error", () => undefined);
  const ended = new Promise<void>((resolve) => gate.once("close", () => resolve()));
  const ready = new Promise<void>((resolve, reject) => {
    gate.once("error", reject);
    gate.once("close", (code) => {
      reject(new Error(`ringwall-gate ended with ${code}: ${said.trim()}`));
      if (!stopping) parts.onEnd(`exit code ${code}${said === "" ? "" : `: ${said.trim()}`}`);
    });
    const forgotten = () => forgetting.shift()?.();
    const take = createTaker(gate, parts, { ready: resolve, forgotten });
    createInterface({ input: gate.stdout }).on("line", take);
  });
  await ready;
  return {
    setFailOpen: (open) => gate.stdin.write(`fail ${open ? "open" : "static"}\n`),
    forget: () => {
      const done = new Promise<void>((resolve) => forgetting.push(resolve));
      gate.stdin.write("forget\n");
      // One that has ended knows nothing either.
      return Promise.race([done, ended]);
    },
    stop: async () => {
      stopping = true;
      gate.stdin.end();
      await ended;
    },
  };
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
