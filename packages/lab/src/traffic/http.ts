import { Agent, request } from "node:http";
import { onThisMachine } from "../slowness.ts";

/** An answer that takes longer is a lost request. Generous, since the machine may be busy with other things. */
export const ANSWER_MS_MAX = onThisMachine(15_000);
const BODY_BYTES_MAX = 1_000_000;

export type Call = {
  readonly url: string;
  readonly family: 4 | 6;
  /** Absent: a connection of its own. */
  readonly agent?: Agent;
  readonly body?: string;
};

/** Makes one request and returns the body of its 2xx answer; throws for anything else. */
export function ask({ url, family, agent, body }: Call): Promise<string> {
  const method = body === undefined ? "GET" : "POST";
  const headers = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method, headers, family, agent: agent ?? false, timeout: ANSWER_MS_MAX },
      (reply) => {
        let text = "";
        reply.setEncoding("utf8");
        reply.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > BODY_BYTES_MAX) reply.destroy(new Error(`${url} answers without end`));
        });
        reply.on("error", reject);
        reply.on("end", () => {
          const status = reply.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(text);
          else reject(new Error(`${method} ${url}: ${status} ${text.slice(0, 200)}`));
        });
      },
    );
    outgoing.on("timeout", () =>
      outgoing.destroy(new Error(`${method} ${url}: no answer in ${ANSWER_MS_MAX} ms`)),
    );
    outgoing.on("error", (error) => reject(new Error(`${method} ${url}: ${error.message}`)));
    outgoing.end(body);
  });
}

/** One connection that stays open over all requests. */
export function keptConnection(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 });
}
