import { CARD, type DiagramInput } from "./diagram-types.ts";

/** Width by height of the pane that most people look at. */
const ASPECT = 1.7;
/** Heights of columns that are tried, as parts of the tallest. */
const HEIGHT_TRIES = 40;

/** A column for each card: callers left of what they call, tall columns broken so that the whole fits a screen. */
export function assignColumns(input: DiagramInput): Map<string, number> {
  const ranks = rankCards(input);
  const layers: { readonly id: string; readonly height: number }[][] = [];
  for (const card of input.cards) {
    const rank = ranks.get(card.id) ?? 0;
    while (layers.length <= rank) layers.push([]);
    const height = CARD.header + card.rows.length * CARD.row + CARD.padding + CARD.gapY;
    layers[rank]?.push({ id: card.id, height });
  }
  const filled = layers.filter((layer) => layer.length > 0);
  const heightMax = bestHeight(filled.map((layer) => layer.map((card) => card.height)));
  const columnOf = new Map<string, number>();
  let column = 0;
  for (const layer of filled) {
    let height = 0;
    for (const card of layer) {
      if (height > 0 && height + card.height > heightMax) {
        column += 1;
        height = 0;
      }
      columnOf.set(card.id, column);
      height += card.height;
    }
    column += 1;
  }
  return columnOf;
}

/** The longest chain of calls that leads to a card; callers that nobody calls stand right before what they call. */
function rankCards(input: DiagramInput): Map<string, number> {
  const { order, next } = breakCycles(input);
  const ranks = new Map<string, number>();
  for (const id of order) {
    const rank = ranks.get(id) ?? 0;
    ranks.set(id, rank);
    for (const target of next.get(id) ?? []) ranks.set(target, Math.max(ranks.get(target) ?? 0, rank + 1));
  }
  for (const id of [...order].reverse()) {
    const targets = [...(next.get(id) ?? [])].map((target) => ranks.get(target) ?? 0);
    const called = order.some((other) => next.get(other)?.has(id) === true);
    if (!called && targets.length > 0) ranks.set(id, Math.min(...targets) - 1);
  }
  return ranks;
}

type Acyclic = { readonly order: readonly string[]; readonly next: ReadonlyMap<string, ReadonlySet<string>> };

/**
 * An order of the cards in which few calls go backwards (Eades, Lin and Smyth 1993: sinks last, sources first, else
 * the one that calls most and is called least), and the calls that go forwards in it.
 */
function breakCycles(input: DiagramInput): Acyclic {
  const out = new Map<string, Set<string>>(input.cards.map((card) => [card.id, new Set<string>()]));
  const into = new Map<string, Set<string>>(input.cards.map((card) => [card.id, new Set<string>()]));
  for (const { sourceCard, targetCard } of input.links) {
    if (sourceCard === targetCard) continue;
    out.get(sourceCard)?.add(targetCard);
    into.get(targetCard)?.add(sourceCard);
  }
  const degrees = new Map(
    input.cards.map(({ id }) => [id, { out: out.get(id)?.size ?? 0, into: into.get(id)?.size ?? 0 }]),
  );
  const left = new Set(input.cards.map((card) => card.id));
  const first: string[] = [];
  const last: string[] = [];
  const take = (id: string) => {
    left.delete(id);
    for (const target of out.get(id) ?? []) bump(degrees.get(target), "into");
    for (const source of into.get(id) ?? []) bump(degrees.get(source), "out");
  };
  while (left.size > 0) {
    const id = pick(left, degrees);
    const degree = degrees.get(id);
    if (degree?.out === 0 && degree.into > 0) last.unshift(id);
    else first.push(id);
    take(id);
  }
  const order = [...first, ...last];
  const place = new Map(order.map((id, index) => [id, index]));
  const next = new Map<string, ReadonlySet<string>>();
  for (const [id, targets] of out) {
    const from = place.get(id) ?? 0;
    next.set(id, new Set([...targets].filter((target) => (place.get(target) ?? 0) > from)));
  }
  return { order, next };
}

type Degree = { out: number; into: number };

function bump(degree: Degree | undefined, side: keyof Degree): void {
  if (degree !== undefined) degree[side] -= 1;
}

function pick(left: ReadonlySet<string>, degrees: ReadonlyMap<string, Degree>): string {
  let best = "";
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const id of left) {
    const degree = degrees.get(id) ?? { out: 0, into: 0 };
    const isEnd = degree.into === 0 || degree.out === 0;
    const score = isEnd ? Number.MAX_SAFE_INTEGER : degree.out - degree.into;
    if (score > bestScore) {
      best = id;
      bestScore = score;
    }
  }
  return best;
}

/** The height at which columns break so that the picture fills a screen best. */
function bestHeight(layers: readonly (readonly number[])[]): number {
  const sums = layers.map((heights) => heights.reduce((sum, height) => sum + height, 0));
  const tallest = Math.max(1, ...sums);
  const smallest = Math.max(1, ...layers.flat());
  let best = tallest;
  let bestScale = 0;
  for (let step = HEIGHT_TRIES; step >= 1; step -= 1) {
    const height = Math.max(smallest, (tallest * step) / HEIGHT_TRIES);
    const columns = layers.reduce((count, heights) => count + columnsAt(heights, height), 0);
    const width = columns * CARD.width + (columns - 1) * CARD.gapX;
    const scale = Math.min(ASPECT / width, 1 / Math.min(height, tallest));
    if (scale > bestScale * 1.02) {
      best = height;
      bestScale = scale;
    }
  }
  return best;
}

function columnsAt(heights: readonly number[], heightMax: number): number {
  let columns = 1;
  let used = 0;
  for (const height of heights) {
    if (used > 0 && used + height > heightMax) {
      columns += 1;
      used = 0;
    }
    used += height;
  }
  return columns;
}
