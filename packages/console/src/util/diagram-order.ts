/** A card or a lane in a column, with its neighbours in the columns beside it and how many links join them. */
export type Slot = {
  readonly id: string;
  readonly height: number;
  readonly lane: boolean;
  readonly left: Map<Slot, number>;
  readonly right: Map<Slot, number>;
};

/** More sweeps seldom help; the order of the fewest crossings seen is kept. */
const SWEEPS = 12;
/** Above this many joins the crossings are not counted any more, and the last order stands. */
const JOINS_COUNTED_MAX = 4_000;

/** Sorts each column in place by the barycentres of its neighbours, to and fro, and keeps the best order. */
export function orderColumns(columns: Slot[][]): void {
  let best = columns.map((column) => [...column]);
  let bestCrossings = crossings(columns);
  for (let sweep = 0; sweep < SWEEPS && bestCrossings > 0; sweep += 1) {
    const forward = sweep % 2 === 0;
    const indexes = columns.map((_, index) => index);
    for (const index of forward ? indexes.slice(1) : indexes.slice(0, -1).reverse()) {
      const column = columns[index];
      const beside = columns[index + (forward ? -1 : 1)];
      if (column !== undefined && beside !== undefined) sortColumn(column, beside, forward);
    }
    const now = crossings(columns);
    if (now < bestCrossings) {
      bestCrossings = now;
      best = columns.map((column) => [...column]);
    }
  }
  columns.splice(0, columns.length, ...best);
}

function sortColumn(column: Slot[], beside: readonly Slot[], forward: boolean): void {
  const place = new Map(beside.map((slot, index) => [slot, index]));
  const keyed = column.map((slot, index) => {
    const neighbours = forward ? slot.left : slot.right;
    let sum = 0;
    let weight = 0;
    for (const [other, joins] of neighbours) {
      sum += (place.get(other) ?? 0) * joins;
      weight += joins;
    }
    // Without neighbours a slot keeps its relative place.
    const own = (index / Math.max(1, column.length - 1)) * Math.max(0, beside.length - 1);
    return { slot, key: weight === 0 ? own : sum / weight, index };
  });
  keyed.sort((left, right) => left.key - right.key || left.index - right.index);
  column.splice(0, column.length, ...keyed.map((entry) => entry.slot));
}

/** Crossings between neighbouring columns, quadratic in the joins of one gap. */
function crossings(columns: readonly (readonly Slot[])[]): number {
  let total = 0;
  for (let index = 0; index + 1 < columns.length; index += 1) {
    const place = new Map((columns[index + 1] ?? []).map((slot, position) => [slot, position]));
    const ends = (columns[index] ?? []).flatMap((slot, from) =>
      [...slot.right.keys()].map((other) => ({ from, to: place.get(other) ?? 0 })),
    );
    if (ends.length > JOINS_COUNTED_MAX) return Number.MAX_SAFE_INTEGER;
    for (let one = 0; one < ends.length; one += 1) {
      for (let two = one + 1; two < ends.length; two += 1) {
        const a = ends[one];
        const b = ends[two];
        if (a !== undefined && b !== undefined && (a.from - b.from) * (a.to - b.to) < 0) total += 1;
      }
    }
  }
  return total;
}
