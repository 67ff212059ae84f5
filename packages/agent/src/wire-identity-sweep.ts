import { createIdentitySweep } from "./identify/identity-sweep.ts";
import type { Agent } from "./wire.ts";

export type IdentitySweepWiring = Pick<Agent, "kernel" | "book" | "prover"> & {
  /** Whatever has a policy of its own. */
  readonly judges: () => readonly Pick<Agent, "enforcer" | "shadow">[];
  /** Where cgroup2 is mounted. */
  readonly mount: string;
};

/** What an identity that is given back is taken out of. */
export function wireIdentitySweep({ kernel, book, prover, judges, mount }: IdentitySweepWiring) {
  const { look } = createIdentitySweep({
    kernel,
    book,
    mount,
    awaited: () => judges().flatMap((one) => one.shadow.awaited()),
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
