/** Seconds that a draft may be a shadow: a week. It ends by itself then, whoever forgot it. */
export const SHADOW_SECONDS_MAX = 7 * 86_400;
