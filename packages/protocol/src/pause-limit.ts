/** Seconds for which a host may refuse nothing, by hand: 4 hours. The programs in its kernel know the same limit. */
export const PAUSE_SECONDS_MAX = 4 * 3600;
