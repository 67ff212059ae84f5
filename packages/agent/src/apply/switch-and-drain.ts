/**
 * A switch of policies and what follows it: flows counted until then carry the former policy's rule numbers, so they are
 * drained under its names. The policy is in force once `apply` is through; a drain that fails is told and fails nothing.
 */
export async function switchAndDrain(parts: {
  readonly apply: () => Promise<unknown>;
  readonly drain: () => Promise<void>;
  readonly onDrainError: (error: unknown) => void;
}): Promise<void> {
  await parts.apply();
  await parts.drain().catch(parts.onDrainError);
}
