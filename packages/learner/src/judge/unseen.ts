/** Normal quantile of a two-sided 80 % interval. */
const Z_80 = 1.2816;

/**
 * Good–Turing: the chance that the next observation is of a class never seen is the share of observations that were
 * the only one of their class (Good 1953). `counts` holds how often each class was seen; `next` is how many observations
 * the interval speaks for. It adds Good's variance (Mao & Lindsay 2002), with a pseudo-count so that a window without
 * singletons does not claim certainty, and the chance of those observations themselves.
 */
export function newRateOf(
  counts: readonly number[],
  next: number,
): { readonly estimate: number; readonly low: number; readonly high: number } {
  const n = counts.reduce((sum, count) => sum + count, 0);
  if (n === 0) return { estimate: 1, low: 0, high: 1 };
  const once = counts.filter((count) => count === 1).length;
  const twice = counts.filter((count) => count === 2).length;
  const estimate = once / n;
  const ofEstimate = (once + 2 * twice + 1 - (once * once) / n) / n ** 2;
  const ofFuture = (Math.max(estimate, 1 / n) * (1 - estimate)) / Math.max(1, next);
  const spread = Z_80 * Math.sqrt(ofEstimate + ofFuture);
  return { estimate, low: Math.max(0, estimate - spread), high: Math.min(1, estimate + spread) };
}

/** Chao2: a lower bound of the number of classes not seen, from those seen on one day and on two (Chao 1987). */
export function unseenOf(counts: readonly number[], days: number): number {
  const once = counts.filter((count) => count === 1).length;
  const twice = counts.filter((count) => count === 2).length;
  const shrink = days > 0 ? (days - 1) / days : 0;
  return twice > 0 ? (shrink * once * once) / (2 * twice) : (shrink * once * (once - 1)) / 2;
}
