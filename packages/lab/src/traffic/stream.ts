import { request } from "node:http";
import { onThisMachine } from "../slowness.ts";
import type { Counter } from "./counts.ts";

/** A stream that is silent for longer has lost its connection. */
const SILENCE_MS_MAX = onThisMachine(15_000);

/**
 * One connection that lasts as long as the lab: numbers without a gap, each one counted. Breaking it in the middle is a
 * lost request, since a change of policy must not cut what it still allows.
 * @returns ends it
 */
export function followStream(counter: Counter, kind: string, url: string): () => void {
  let expected = 0;
  let ended = false;
  const fail = (reason: string) => {
    if (ended) return;
    ended = true;
    counter.begin(kind);
    counter.fail(kind, reason);
  };
  const outgoing = request(url, { agent: false, timeout: SILENCE_MS_MAX }, (reply) => {
    let rest = "";
    reply.setEncoding("utf8");
    reply.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (Number(line) !== expected) fail(`the stream says ${line} where ${expected} was to come`);
        expected += 1;
        if (ended) return;
        counter.begin(kind);
        counter.succeed(kind);
      }
    });
    reply.on("close", () => fail(`the stream ended after ${expected} numbers`));
  });
  outgoing.on("timeout", () => fail(`the stream is silent since number ${expected}`));
  outgoing.on("error", (error) => fail(`the stream broke after ${expected} numbers: ${error.message}`));
  outgoing.end();
  return () => {
    ended = true;
    outgoing.destroy();
  };
}
