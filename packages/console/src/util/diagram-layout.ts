import { assignColumns } from "./diagram-columns.ts";
import { orderColumns, type Slot } from "./diagram-order.ts";
import { placeSlots } from "./diagram-place.ts";
import {
  CARD,
  type DiagramInput,
  type DiagramLayout,
  heightOfCard,
  LANE_HEIGHT,
  type Point,
} from "./diagram-types.ts";

/**
 * Layered drawing after Sugiyama: columns from left to right along the calls, lanes through the columns that a long
 * link crosses, orders with few crossings, then heights. Pure: the same input gives the same picture.
 */
export function layOutDiagram(input: DiagramInput): DiagramLayout {
  const columnOf = assignColumns(input);
  const { columns, lanes } = slotsOf(input, columnOf);
  orderColumns(columns);
  const tops = placeSlots(columns);
  const cards = new Map<string, Point>();
  columns.forEach((slots, column) => {
    for (const slot of slots) {
      if (slot.lane) continue;
      cards.set(slot.id, { x: columnX(column), y: tops.get(slot.id) ?? 0 });
    }
  });
  const laneCentres = new Map<string, Point>();
  for (const [id, column] of lanes) {
    laneCentres.set(id, { x: columnX(column), y: (tops.get(id) ?? 0) + LANE_HEIGHT / 2 });
  }
  return { cards, columnOf, lanes: laneCentres, rows: orderRows(input, cards, columnOf) };
}

export function laneId(target: string, column: number): string {
  return `lane ${column} to ${target}`;
}

function columnX(column: number): number {
  return column * (CARD.width + CARD.gapX);
}

type Slots = { readonly columns: Slot[][]; readonly lanes: ReadonlyMap<string, number> };

/** Cards and lanes as things to put in order. Links to one card share their lanes: bundles instead of a thicket. */
function slotsOf(input: DiagramInput, columnOf: ReadonlyMap<string, number>): Slots {
  const columns: Slot[][] = [];
  const slots = new Map<string, Slot>();
  const lanes = new Map<string, number>();
  const add = (id: string, column: number, height: number, lane: boolean): Slot => {
    const known = slots.get(id);
    if (known !== undefined) return known;
    const slot: Slot = { id, height, lane, left: new Map(), right: new Map() };
    slots.set(id, slot);
    while (columns.length <= column) columns.push([]);
    columns[column]?.push(slot);
    return slot;
  };
  for (const card of input.cards) {
    add(card.id, columnOf.get(card.id) ?? 0, heightOfCard(card.rows.length), false);
  }
  for (const link of input.links) {
    const from = columnOf.get(link.sourceCard) ?? 0;
    const to = columnOf.get(link.targetCard) ?? 0;
    if (from === to) continue;
    const step = from < to ? 1 : -1;
    let previous = slots.get(link.sourceCard);
    for (let column = from + step; previous !== undefined; column += step) {
      const last = column === to;
      const id = last ? link.targetCard : laneId(link.targetCard, column);
      const next: Slot | undefined = last ? slots.get(id) : add(id, column, LANE_HEIGHT, true);
      if (next === undefined) break;
      if (!last) lanes.set(id, column);
      joinSlots(step > 0 ? previous : next, step > 0 ? next : previous);
      if (last) break;
      previous = next;
    }
  }
  return { columns, lanes };
}

function joinSlots(left: Slot, right: Slot): void {
  left.right.set(right, (left.right.get(right) ?? 0) + 1);
  right.left.set(left, (right.left.get(left) ?? 0) + 1);
}

/** Rows of each card by the mean height of what they are linked to, so that links fan out instead of crossing. */
function orderRows(
  input: DiagramInput,
  cards: ReadonlyMap<string, Point>,
  columnOf: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly string[]> {
  const pull = new Map<string, { sum: number; count: number }>();
  const note = (row: string, card: string, other: string) => {
    if (columnOf.get(card) === columnOf.get(other)) return;
    const entry = pull.get(row) ?? { sum: 0, count: 0 };
    entry.sum += cards.get(other)?.y ?? 0;
    entry.count += 1;
    pull.set(row, entry);
  };
  for (const link of input.links) {
    note(link.source, link.sourceCard, link.targetCard);
    note(link.target, link.targetCard, link.sourceCard);
  }
  const mean = (row: string): number => {
    const entry = pull.get(row);
    return entry === undefined ? Number.POSITIVE_INFINITY : entry.sum / entry.count;
  };
  return new Map(
    input.cards.map((card) => [
      card.id,
      card.rows
        .map((row) => ({ row, mean: mean(row) }))
        .sort((left, right) => (left.mean === right.mean ? 0 : left.mean - right.mean))
        .map((entry) => entry.row),
    ]),
  );
}
