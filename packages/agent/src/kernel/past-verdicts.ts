/** What the kernel remembers of past verdicts (bpf/verdict_cache.h). */
import { type KernelMap, room, u32 } from "./kernel-map.ts";
import { native } from "./native.ts";

/** All of it counts no more: called after each change to what verdicts are made of, also one that failed half-way. */
export function forgetVerdicts({ changed }: { readonly changed: KernelMap }): void {
  const value = room(8);
  value.setBigUint64(0, native().bootNs(), true);
  changed.set(u32(0), value);
}
