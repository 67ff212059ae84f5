import type { Problem } from "@ringwall/model";

/** What a part run by `ringwall up` tells its parent through the IPC channel. */
export type PartMessage =
  | {
      readonly kind: "controller-ready";
      readonly usersUrl: string;
      readonly agentsUrl: string;
      readonly operatorTokenFile: string;
    }
  | { readonly kind: "agent-ready" }
  | { readonly kind: "failed"; readonly problems: readonly Problem[] };

/** Tells the parent, where there is one. */
export function tellParent(message: PartMessage): void {
  if (process.connected) process.send?.(message);
}

/**
 * A signal that aborts when this process is asked to end: by Ctrl-C, SIGTERM, a closed terminal, or because the parent
 * that runs it through an IPC channel is gone. A second request ends it at once, or does what `again` says.
 */
export function endRequested(again: () => void = endAtOnce): AbortSignal {
  const controller = new AbortController();
  const end = () => {
    if (controller.signal.aborted) again();
    else controller.abort();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, end);
  if (process.connected) {
    process.once("disconnect", () => controller.abort());
    // The channel alone must not keep a process that has failed to start.
    process.channel?.unref();
  }
  return controller.signal;
}

const EXIT_FORCED = 2;

/** Without waiting for anything. */
export function endAtOnce(): never {
  process.exit(EXIT_FORCED);
}

/** Resolves when the signal aborts, at once where it has. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
