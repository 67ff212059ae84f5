import type { ControllerEvent } from "./api/users/services.ts";

/** Flows come all the time; the console need not fetch more often than this. */
const FLOWS_EVENT_MS = 1_000;

/** Tells the console's event streams what to fetch again. */
export type Events = {
  listen(listener: (event: ControllerEvent) => void): () => void;
  emit(event: ControllerEvent): void;
  /** At most one event a second, the last one never lost. */
  flowsCame(): void;
  close(): void;
};

export function createEvents(): Events {
  const listeners = new Set<(event: ControllerEvent) => void>();
  let timer: NodeJS.Timeout | undefined;
  const emit = (event: ControllerEvent) => {
    for (const listener of listeners) listener(event);
  };
  return {
    emit,
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    flowsCame() {
      if (timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        emit({ kind: "flows", data: {} });
      }, FLOWS_EVENT_MS);
      timer.unref();
    },
    close() {
      clearTimeout(timer);
      listeners.clear();
    },
  };
}
