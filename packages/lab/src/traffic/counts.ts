/** What became of requests of one kind. INVARIANT: sent = ok + failed + those under way. */
export type Count = { readonly sent: number; readonly ok: number; readonly failed: number };

export type Counts = Readonly<Record<string, Count>>;

/** A lost request: when, which and why. Only the first of each kind are kept; `Count.failed` counts all. */
export type Loss = { readonly time: string; readonly kind: string; readonly reason: string };

export const LOSSES_MAX = 50;

/** Counts requests exactly: every one that begins has to end as ok or failed. */
export class Counter {
  readonly #counts = new Map<string, { sent: number; ok: number; failed: number }>();
  readonly #losses: Loss[] = [];

  begin(kind: string): void {
    this.#of(kind).sent += 1;
  }

  succeed(kind: string): void {
    this.#of(kind).ok += 1;
  }

  fail(kind: string, reason: string): void {
    this.#of(kind).failed += 1;
    if (this.#losses.length < LOSSES_MAX) {
      this.#losses.push({ time: new Date().toISOString(), kind, reason });
    }
  }

  get counts(): Counts {
    return Object.fromEntries([...this.#counts].map(([kind, count]) => [kind, { ...count }]));
  }

  get losses(): readonly Loss[] {
    return this.#losses;
  }

  #of(kind: string): { sent: number; ok: number; failed: number } {
    const known = this.#counts.get(kind);
    if (known !== undefined) return known;
    const fresh = { sent: 0, ok: 0, failed: 0 };
    this.#counts.set(kind, fresh);
    return fresh;
  }
}

export function total(counts: Counts): Count {
  const all = Object.values(counts);
  const sum = (field: keyof Count) => all.reduce((before, count) => before + count[field], 0);
  return { sent: sum("sent"), ok: sum("ok"), failed: sum("failed") };
}

export function underWay(counts: Counts): number {
  const { sent, ok, failed } = total(counts);
  return sent - ok - failed;
}
