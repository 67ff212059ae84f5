/** The server's certificate is good for 30 days; a new one each day costs nothing. */
const ROTATION_MS = 24 * 3_600_000;

/** Certificates that follow each other. */
export type Rotation<C> = {
  readonly first: C;
  /**
   * Another one where the last is a day old, undefined where it is not. Also where the clock has been put right since, either
   * way: the last may be valid only months from now, or no more.
   */
  readonly next: () => Promise<C | undefined>;
};

export async function startRotation<C>(make: () => Promise<C>, nowMs: () => number): Promise<Rotation<C>> {
  let madeMs = nowMs();
  return {
    first: await make(),
    next: async () => {
      const now = nowMs();
      if (madeMs <= now && now < madeMs + ROTATION_MS) return undefined;
      const made = await make();
      madeMs = now;
      return made;
    },
  };
}
