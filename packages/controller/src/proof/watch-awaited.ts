import { AWAITED_LOOK_MS } from "./limits.ts";
import type { Proofs } from "./proofs-parts.ts";

/** A fleet in which nobody turns a key, since all wait for one host, asks for nothing: the end of the wait is told. */
export function watchAwaited(proofs: Pick<Proofs, "lookAgain">): { close(): void } {
  const timer = setInterval(() => proofs.lookAgain(), AWAITED_LOOK_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
