import { laneId } from "./diagram-layout.ts";
import { CARD, type DiagramLayout, type Point } from "./diagram-types.ts";
import type { Link, MapModel } from "./map-model.ts";

/** How far a link between cards of one column bows out to the right. */
const BOW = { min: 34, max: 80, perPixel: 0.16 } as const;
/** Where links of different outcomes join the same rows they run side by side, this far apart. */
const OFFSET: Readonly<Record<Link["outcome"], number>> = { allowed: 0, "would-block": -5, blocked: 5 };
const LOOP = 7;

export type LinkPath = { readonly link: Link; readonly d: string; readonly middle: Point };

/** The line of every link as SVG path data, ending at the edge of the target's row. */
export function pathsOf(model: MapModel, layout: DiagramLayout): readonly LinkPath[] {
  const rowY = new Map<string, number>();
  for (const [card, rows] of layout.rows) {
    const top = layout.cards.get(card)?.y ?? 0;
    rows.forEach((row, index) => {
      rowY.set(row, top + CARD.header + index * CARD.row + CARD.row / 2);
    });
  }
  const pairs = new Map<string, number>();
  for (const link of model.links) pairs.set(pairOf(link), (pairs.get(pairOf(link)) ?? 0) + 1);
  return model.links.flatMap((link) => {
    const source = model.rows.get(link.source);
    const target = model.rows.get(link.target);
    if (source === undefined || target === undefined) return [];
    const from = layout.cards.get(source.card);
    const to = layout.cards.get(target.card);
    if (from === undefined || to === undefined) return [];
    const offset = (pairs.get(pairOf(link)) ?? 1) > 1 ? OFFSET[link.outcome] : 0;
    const fromY = (rowY.get(link.source) ?? 0) + offset;
    const toY = (rowY.get(link.target) ?? 0) + offset;
    const columns = [layout.columnOf.get(source.card) ?? 0, layout.columnOf.get(target.card) ?? 0] as const;
    if (columns[0] === columns[1]) return [bowed(link, from.x + CARD.width, fromY, toY)];
    return [routed(link, { ...from, y: fromY }, { ...to, y: toY }, columns, offset, target.card, layout)];
  });
}

function pairOf(link: Link): string {
  return `${link.source} ${link.target}`;
}

/** Within a column: out to the right and back. */
function bowed(link: Link, x: number, fromY: number, toY: number): LinkPath {
  const self = link.source === link.target;
  const [y1, y2] = self ? [fromY - LOOP, toY + LOOP] : [fromY, toY];
  const reach = Math.min(BOW.max, BOW.min + Math.abs(y2 - y1) * BOW.perPixel);
  const d = `M${x} ${y1} C${x + reach} ${y1} ${x + reach} ${y2} ${x} ${y2}`;
  return { link, d, middle: { x: x + reach * 0.75, y: (y1 + y2) / 2 } };
}

/** Between columns: side to side through the lanes. */
function routed(
  link: Link,
  from: Point,
  to: Point,
  [first, last]: readonly [number, number],
  offset: number,
  target: string,
  layout: DiagramLayout,
): LinkPath {
  const step = first < last ? 1 : -1;
  const leave = step > 0 ? CARD.width : 0;
  const enter = step > 0 ? 0 : CARD.width;
  let at: Point = { x: from.x + leave, y: from.y };
  let d = `M${at.x} ${at.y}`;
  let middle: Point | null = null;
  const curveTo = (point: Point) => {
    const half = (at.x + point.x) / 2;
    middle ??= { x: half, y: (at.y + point.y) / 2 };
    d += ` C${half} ${at.y} ${half} ${point.y} ${point.x} ${point.y}`;
    at = point;
  };
  for (let column = first + step; column !== last; column += step) {
    const lane = layout.lanes.get(laneId(target, column));
    if (lane === undefined) continue;
    const y = lane.y + offset;
    curveTo({ x: lane.x + enter, y });
    at = { x: lane.x + leave, y };
    d += ` L${at.x} ${at.y}`;
  }
  curveTo({ x: to.x + enter, y: to.y });
  return { link, d, middle: middle ?? at };
}
