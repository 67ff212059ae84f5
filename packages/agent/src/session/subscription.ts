import type { ControllerMessage } from "@ringwall/protocol/agent";
import type { ControllerClient } from "./client.ts";
import { SILENCE_MS_MAX } from "./client.ts";

/**
 * Listens to the controller until the stream ends, then returns; throws what the stream threw. `onOpen` is called at
 * the first message: until then a connection that merely hangs counts for nothing.
 */
export async function subscribe(
  client: ControllerClient,
  hello: { readonly workload: string; readonly generation: bigint; readonly version: string },
  handle: {
    readonly onOpen: () => void;
    readonly onMessage: (message: ControllerMessage["message"]) => Promise<void>;
  },
  signal: AbortSignal,
): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(silent()), SILENCE_MS_MAX);
  try {
    let opened = false;
    const options = { signal: AbortSignal.any([signal, silence.signal]) };
    for await (const { message } of client.service.subscribe(hello, options)) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(silent()), SILENCE_MS_MAX);
      if (!opened) handle.onOpen();
      opened = true;
      await handle.onMessage(message);
    }
  } finally {
    clearTimeout(timer);
  }
}

function silent(): Error {
  return Object.assign(new Error("the controller fell silent"), { code: "ETIMEDOUT" });
}
