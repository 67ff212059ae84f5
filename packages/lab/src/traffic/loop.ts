import { setTimeout as sleep } from "node:timers/promises";
import { onThisMachine } from "../slowness.ts";
import type { Counter } from "./counts.ts";

/** One kind of request, made again and again, one at a time; throwing means that it was lost. */
export type Kind = {
  readonly kind: string;
  readonly gapMs: number;
  readonly request: (serial: number) => Promise<void>;
};

/**
 * Loops that can be paused at a moment when nothing is under way, and end in the same manner.
 * `pause` and `stop` return when the last request has its answer.
 */
export class Loops {
  readonly #counter: Counter;
  readonly #running: Promise<unknown>;
  readonly #stopping = new AbortController();
  #gate: { readonly opened: Promise<void>; readonly open: () => void } | null = null;
  #active = 0;
  #idle: (() => void) | null = null;

  constructor(counter: Counter, kinds: readonly Kind[]) {
    this.#counter = counter;
    this.#running = Promise.all(kinds.map((kind) => this.#loop(kind)));
  }

  async pause(): Promise<void> {
    if (this.#gate === null) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#gate = { opened: promise, open: resolve };
    }
    if (this.#active > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
  }

  resume(): void {
    this.#gate?.open();
    this.#gate = null;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.resume();
    await this.#running;
  }

  async #loop({ kind, gapMs, request }: Kind): Promise<void> {
    const { signal } = this.#stopping;
    for (let serial = 0; !signal.aborted; serial += 1) {
      // INVARIANT: nothing is awaited between the last look at the gate and the request's start.
      while (this.#gate !== null) await this.#gate.opened;
      if (signal.aborted) return;
      await this.#one(kind, () => request(serial));
      await sleep(onThisMachine(gapMs), undefined, { signal }).catch(() => {});
    }
  }

  async #one(kind: string, request: () => Promise<void>): Promise<void> {
    this.#active += 1;
    this.#counter.begin(kind);
    try {
      await request();
      this.#counter.succeed(kind);
    } catch (error) {
      this.#counter.fail(kind, error instanceof Error ? error.message : String(error));
    } finally {
      this.#active -= 1;
      if (this.#active === 0) this.#idle?.();
    }
  }
}
