import { CARD, type DiagramInput, heightOfCard } from "./diagram-types.ts";

/** Width by height of the pane that most people look at. */
const ASPECT = 1.7;
/** Heights of columns that are tried, as parts of the tallest. */
const HEIGHT_TRIES = 40;

/** A column for each card: callers left of what they call, tall columns broken so that the whole fits a screen. */
export function assignColumns(input: DiagramInput): Map<string, number> {
  const ranks = rankCards(input);
  const linked = new Set(input.links.flatMap((link) => [link.sourceCard, link.targetCard]));
  const layers: Box[][] = [];
  for (const card of input.cards) {
    if (!linked.has(card.id)) continue;
    const rank = ranks.get(card.id) ?? 0;
    while (layers.length <= rank) layers.push([]);
    layers[rank]?.push({ id: card.id, height: heightOf(card) });
  }
  const filled = layers.filter((layer) => layer.length > 0);
  const columns = bestColumns(filled);
  for (const card of input.cards) {
    if (!linked.has(card.id)) addToShortest(columns, { id: card.id, height: heightOf(card) });
  }
  return new Map(columns.flatMap((column, index) => column.map((box) => [box.id, index] as const)));
}

type Box = { readonly id: string; readonly height: number };

function heightOf(card: DiagramInput["cards"][number]): number {
  return heightOfCard(card.rows.length) + CARD.gapY;
}

/** Cards without any link stand where there is room; a picture of nothing else becomes a block. */
function addToShortest(columns: Box[][], box: Box): void {
  const heights = columns.map(total);
  const shortest = heights.indexOf(Math.min(...heights));
  const room = Math.max(0, ...heights.filter((_, index) => index !== shortest));
  const width = columns.length * (CARD.width + CARD.gapX);
  const wouldBe = (heights[shortest] ?? 0) + box.height;
  if (columns.length === 0 || (wouldBe > room && wouldBe * ASPECT > width)) columns.push([box]);
  else columns[shortest]?.push(box);
}

function total(boxes: readonly Box[]): number {
  return boxes.reduce((sum, box) => sum + box.height, 0);
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

/** The columns, broken at the height with which the picture fills a screen best. */
function bestColumns(layers: readonly (readonly Box[])[]): Box[][] {
  const tallest = Math.max(1, ...layers.map(total));
  let best: Box[][] = layers.map((layer) => [...layer]);
  let bestScale = 0;
  for (let step = HEIGHT_TRIES; step >= 1; step -= 1) {
    const columns = layers.flatMap((layer) => breakLayer(layer, (tallest * step) / HEIGHT_TRIES));
    const width = columns.length * CARD.width + (columns.length - 1) * CARD.gapX;
    const scale = Math.min(ASPECT / width, 1 / Math.max(1, ...columns.map(total)));
    if (scale > bestScale * 1.05) {
      best = columns;
      bestScale = scale;
    }
  }
  return best;
}

/** As few columns as the height allows, about equally filled. */
function breakLayer(layer: readonly Box[], heightMax: number): Box[][] {
  const count = Math.max(1, Math.ceil(total(layer) / heightMax));
  const share = total(layer) / count;
  const columns: Box[][] = [[]];
  let used = 0;
  for (const box of layer) {
    if (used + box.height / 2 > share * columns.length && columns.at(-1)?.length !== 0) columns.push([]);
    columns.at(-1)?.push(box);
    used += box.height;
  }
  return columns;
}
