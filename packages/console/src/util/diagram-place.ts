import type { Slot } from "./diagram-order.ts";
import { CARD } from "./diagram-types.ts";

const SWEEPS = 8;

/** The top of every slot: near the middle of its neighbours, in the column's order, never overlapping. */
export function placeSlots(columns: readonly (readonly Slot[])[]): Map<string, number> {
  const centres = new Map<Slot, number>();
  for (const column of columns) {
    let top = 0;
    column.forEach((slot, index) => {
      top += gapBetween(column[index - 1], slot);
      centres.set(slot, top + slot.height / 2);
      top += slot.height;
    });
    for (const slot of column) centres.set(slot, (centres.get(slot) ?? 0) - top / 2);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const inTurn = sweep % 2 === 0 ? columns : [...columns].reverse();
    for (const column of inTurn) settle(column, centres);
  }
  const tops = new Map<string, number>();
  for (const [slot, centre] of centres) tops.set(slot.id, Math.round(centre - slot.height / 2));
  return tops;
}

type Block = {
  readonly slots: { readonly slot: Slot; readonly offset: number }[];
  start: number;
  wish: number;
  height: number;
};

/** Puts a column's slots as near to their wishes as the order and the gaps allow (pool adjacent violators). */
function settle(column: readonly Slot[], centres: Map<Slot, number>): void {
  const blocks: Block[] = [];
  for (const slot of column) {
    const start = wishOf(slot, centres) - slot.height / 2;
    let block: Block = { slots: [{ slot, offset: 0 }], start, wish: start, height: slot.height };
    for (let above = blocks.at(-1); above !== undefined; above = blocks.at(-1)) {
      if (above.start + above.height + gapOf(above, block) <= block.start) break;
      blocks.pop();
      block = merge(above, block);
    }
    blocks.push(block);
  }
  for (const block of blocks) {
    for (const { slot, offset } of block.slots) centres.set(slot, block.start + offset + slot.height / 2);
  }
}

/** Two blocks that would overlap move on as one, to the mean of what their slots wish. */
function merge(above: Block, below: Block): Block {
  const shift = above.height + gapOf(above, below);
  const moved = below.slots.map(({ slot, offset }) => ({ slot, offset: offset + shift }));
  const slots = [...above.slots, ...moved];
  const count = slots.length;
  const wish = (above.wish * above.slots.length + (below.wish - shift) * below.slots.length) / count;
  return { slots, start: wish, wish, height: shift + below.height };
}

function gapOf(above: Block, below: Block): number {
  return gapBetween(above.slots.at(-1)?.slot, below.slots[0]?.slot);
}

/** Lanes lie close together, cards apart; nothing is above the first. */
function gapBetween(above: Slot | undefined, below: Slot | undefined): number {
  if (above === undefined || below === undefined) return 0;
  return above.lane && below.lane ? 0 : above.lane || below.lane ? CARD.gapY / 2 : CARD.gapY;
}

function wishOf(slot: Slot, centres: ReadonlyMap<Slot, number>): number {
  let sum = 0;
  let weight = 0;
  for (const side of [slot.left, slot.right]) {
    for (const [other, joins] of side) {
      sum += (centres.get(other) ?? 0) * joins;
      weight += joins;
    }
  }
  return weight === 0 ? (centres.get(slot) ?? 0) : sum / weight;
}
