import type { ShadowState, SlotContents } from "../kernel/contract.ts";
import { type Desired, planKernel } from "./kernel-plan.ts";

/** The draft that should be judged by, and until when on the kernel's clock. */
export type DesiredShadow = Desired & { readonly untilNs: bigint };

/** What the kernel has: its state, and the run that its shadow slot was filled for. */
export type ActualShadow = Pick<ShadowState, "untilNs"> & { readonly run: bigint };

/** What will change of the shadow. A value to be looked at; carrying it out decides nothing more. */
export type ShadowPlan =
  | { readonly kind: "nothing" }
  | { readonly kind: "end" }
  | {
      readonly kind: "judge";
      readonly contents: SlotContents;
      readonly untilNs: bigint;
      /** The same run goes on: what was counted stays. */
      readonly goesOn: boolean;
    };

/** Pure. `generation` of the desired draft is its run; null = no draft. */
export function planShadow(desired: DesiredShadow | null, actual: ActualShadow, nowNs: bigint): ShadowPlan {
  if (desired === null || desired.untilNs <= nowNs)
    return actual.untilNs === 0n ? { kind: "nothing" } : { kind: "end" };
  const { contents } = planKernel(desired, { liveSlot: 0, generation: actual.run });
  const goesOn = actual.run === desired.generation && actual.untilNs !== 0n;
  return { kind: "judge", contents, untilNs: desired.untilNs, goesOn };
}
