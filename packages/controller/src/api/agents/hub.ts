import type { ControllerMessage } from "@ringwall/protocol/agent";

/** A message before protobuf fills in its type name. */
export type Outgoing = ControllerMessage["message"];

/**
 * Messages a subscription may have waiting. A newer policy replaces an older one that was not sent yet, as does a newer
 * version of the proofs, so that only confirmations and heartbeats add up; a subscription that is so far behind is closed, and the agent comes back.
 */
const WAITING_MAX = 32;

export type Subscription = AsyncIterable<Outgoing> & { close(): void };

/** The open subscriptions, one for each workload: a newer one ends the older. */
export type Hub = {
  open(workload: string): Subscription;
  /** False when the workload has no open subscription. */
  send(workload: string, message: Outgoing): boolean;
  isConnected(workload: string): boolean;
  connected(): readonly string[];
  disconnect(workload: string): void;
  close(): void;
};

export function createHub(onChange: (workload: string, connected: boolean) => void): Hub {
  const open = new Map<string, Mailbox>();
  return {
    open(workload) {
      open.get(workload)?.close();
      const mailbox = createMailbox(() => {
        if (open.get(workload) !== mailbox) return;
        open.delete(workload);
        onChange(workload, false);
      });
      open.set(workload, mailbox);
      onChange(workload, true);
      return mailbox;
    },
    send: (workload, message) => open.get(workload)?.put(message) ?? false,
    isConnected: (workload) => open.has(workload),
    connected: () => [...open.keys()],
    disconnect: (workload) => open.get(workload)?.close(),
    close() {
      for (const mailbox of [...open.values()]) mailbox.close();
    },
  };
}

type Mailbox = Subscription & { put(message: Outgoing): boolean };

function createMailbox(onClose: () => void): Mailbox {
  let waiting: Outgoing[] = [];
  let closed = false;
  let wake: () => void = () => undefined;
  const close = () => {
    if (closed) return;
    closed = true;
    wake();
    onClose();
  };
  return {
    close,
    put(message) {
      if (closed) return false;
      if (message.case === "policy" || message.case === "proof") {
        waiting = waiting.filter((other) => other.case !== message.case);
      }
      waiting.push(message);
      if (waiting.length > WAITING_MAX) close();
      wake();
      return !closed;
    },
    async *[Symbol.asyncIterator]() {
      try {
        while (!closed) {
          const message = waiting.shift();
          if (message !== undefined) {
            yield message;
            continue;
          }
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        close();
      }
    },
  };
}
