/** Seconds between two drills of a schedule: not oftener than hourly, at least monthly. */
export const DRILL_EVERY_SECONDS_MIN = 3_600;
export const DRILL_EVERY_SECONDS_MAX = 31 * 86_400;
