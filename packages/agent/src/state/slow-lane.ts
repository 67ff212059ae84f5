import { createGate } from "../gate.ts";

/**
 * Of Node.js's four threads for files, what waits for the disk takes two at most: with a hundred containers it would
 * take all, for seconds, and a program that was just started could not be looked at before its hold ends.
 */
export const SLOW_JOBS_MAX = 2;

/** Runs what may take long in such a thread, in order of arrival. */
export const inSlowLane = createGate(SLOW_JOBS_MAX);
