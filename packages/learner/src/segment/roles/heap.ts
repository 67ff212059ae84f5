/** Two things that could become one, and how much speaks for it. */
export type Scored<T> = { readonly score: number; readonly a: T; readonly b: T };

/** Largest score first; ties by the clusters' numbers, so that the order of input never shows. */
export class Heap<T extends { readonly id: number }> {
  readonly #items: Scored<T>[] = [];

  push(item: Scored<T>): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = items[up];
      if (parent === undefined || !isBefore(item, parent)) break;
      items[at] = parent;
      at = up;
    }
    items[at] = item;
  }

  pop(): Scored<T> | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const [left, right] = [items[child], items[child + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) child += 1;
      const next = items[child];
      if (next === undefined || !isBefore(next, last)) break;
      items[at] = next;
      at = child;
    }
    items[at] = last;
    return top;
  }
}

function isBefore<T extends { readonly id: number }>(x: Scored<T>, y: Scored<T>): boolean {
  if (x.score !== y.score) return x.score > y.score;
  return x.a.id !== y.a.id ? x.a.id < y.a.id : x.b.id < y.b.id;
}
