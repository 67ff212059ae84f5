/** On an emulated processor (`make test-kernels`) everything takes that much longer. */
export const SLOWNESS = Number(process.env["RINGWALL_TEST_SLOWNESS"] ?? 1);

/** For programs of ours that hosts run: their environment is made anew. */
export const slownessEnvironment = { RINGWALL_TEST_SLOWNESS: String(SLOWNESS) } as const;

/** What is a time on a usual machine, on this one: how long something may take, and how often normal use comes. */
export function onThisMachine(usual: number): number {
  return usual * SLOWNESS;
}
