import { createIdentitySweep } from "./identify/identity-sweep.ts";
import type { Agent } from "./wire.ts";

export type IdentitySweepWiring = Pick<Agent, "kernel" | "book" | "prover" | "reporter"> & {
  /** Whatever has a policy of its own. */
  readonly judges: () => readonly Pick<Agent, "enforcer" | "shadow">[];
};

/** What an identity that is given back is taken out of; `mount` is where cgroup2 is mounted. */
export function wireIdentitySweep(wiring: IdentitySweepWiring, mount: string) {
  const { kernel, book, prover, reporter, judges } = wiring;
  const { look } = createIdentitySweep({
    kernel,
    book,
    mount,
    awaited: () => judges().flatMap((one) => one.shadow.awaited()),
    toldMs: reporter.toldMs,
    onGone: (ids) => {
      prover?.dismiss(ids);
      for (const one of judges()) {
        one.shadow.dismiss(ids);
        one.enforcer.dismiss(ids);
      }
    },
  });
  return look;
}
