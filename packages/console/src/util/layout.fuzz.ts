import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { placeLabels } from "../components/map/overview-labels.ts";
import { layOutDiagram } from "./diagram-layout.ts";
import { CARD, type DiagramInput, heightOfCard } from "./diagram-types.ts";
import { layOutOverview } from "./overview-layout.ts";

type Box = { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };

const overlaps = (one: Box, two: Box) =>
  one.left < two.right && two.left < one.right && one.top < two.bottom && two.top < one.bottom;

function overlapping(boxes: readonly Box[]): number {
  return boxes.flatMap((one, index) => boxes.slice(index + 1).filter((two) => overlaps(one, two))).length;
}

/** Cards of some rows, and links between any rows: cycles, loops, parallels and islands included. */
const diagrams: fc.Arbitrary<DiagramInput> = fc
  .array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 40 })
  .chain((rowCounts): fc.Arbitrary<DiagramInput> => {
    const cards = rowCounts.map((count, card) => ({
      id: `card ${card}`,
      rows: Array.from({ length: count }, (_, row) => `card ${card} row ${row}`),
    }));
    const rows = cards.flatMap((card) => card.rows.map((row) => ({ row, card: card.id })));
    if (rows.length === 0) return fc.constant({ cards, links: [] });
    const end = fc.constantFrom(...rows);
    const link = fc.tuple(end, end).map(([source, target]) => ({
      source: source.row,
      target: target.row,
      sourceCard: source.card,
      targetCard: target.card,
    }));
    return fc.array(link, { maxLength: 80 }).map((links) => ({ cards, links }));
  });

describe("the diagram's layout", () => {
  it("places every card, and no card or lane over another", () => {
    fc.assert(
      fc.property(diagrams, (input) => {
        const layout = layOutDiagram(input);
        expect(layout.cards.size).toBe(input.cards.length);
        const cards = input.cards.map((card): Box => {
          const { x, y } = layout.cards.get(card.id) ?? { x: Number.NaN, y: Number.NaN };
          return { left: x, top: y, right: x + CARD.width, bottom: y + heightOfCard(card.rows.length) };
        });
        const lanes = [...layout.lanes.values()].map(
          ({ x, y }): Box => ({ left: x, top: y - 4, right: x + CARD.width, bottom: y + 4 }),
        );
        expect(cards.every((box) => Number.isFinite(box.left) && Number.isFinite(box.top))).toBe(true);
        expect(overlapping([...cards, ...lanes])).toBe(0);
      }),
    );
  });

  it("keeps each card's rows, and is the same for the same input", () => {
    fc.assert(
      fc.property(diagrams, (input) => {
        const layout = layOutDiagram(input);
        for (const card of input.cards) {
          expect([...(layout.rows.get(card.id) ?? [])].sort()).toEqual([...card.rows].sort());
        }
        expect(layOutDiagram(input)).toEqual(layout);
      }),
      { numRuns: 30 },
    );
  });
});

describe("the overview's layout", () => {
  it("keeps clusters apart and their nodes within them", () => {
    const nodes = fc.array(
      fc.record({ cluster: fc.integer({ min: 0, max: 30 }), links: fc.integer({ min: 0, max: 9 }) }),
      { maxLength: 400 },
    );
    const pairs = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 30 })));
    fc.assert(
      fc.property(nodes, pairs, (list, edges) => {
        const layout = layOutOverview({
          nodes: list.map((node, index) => ({
            id: `${index}`,
            cluster: `c${node.cluster}`,
            links: node.links,
          })),
          clusterEdges: edges.map(([from, to]) => ({ source: `c${from}`, target: `c${to}`, weight: 1 })),
        });
        const { clusters } = layout;
        for (const [index, one] of clusters.entries()) {
          for (const two of clusters.slice(index + 1)) {
            expect(Math.hypot(one.x - two.x, one.y - two.y)).toBeGreaterThan(one.radius + two.radius);
          }
        }
        list.forEach((node, index) => {
          const own = clusters.find((cluster) => cluster.name === `c${node.cluster}`);
          const away = Math.hypot(
            (layout.x[index] ?? 0) - (own?.x ?? 0),
            (layout.y[index] ?? 0) - (own?.y ?? 0),
          );
          expect(away).toBeLessThanOrEqual(own?.radius ?? 0);
        });
      }),
      { numRuns: 40 },
    );
  });

  it("never draws a label over another", () => {
    const labels = fc.array(
      fc.record({
        x: fc.integer({ min: -50, max: 900 }),
        y: fc.integer({ min: -50, max: 700 }),
        text: fc.string({ maxLength: 30 }),
        weight: fc.constantFrom("strong" as const, "cluster" as const, "plain" as const),
        gap: fc.integer({ min: 0, max: 20 }),
      }),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(labels, (list) => {
        const placed = placeLabels(list, (label) => label.text.length * 7, { width: 800, height: 600 });
        expect(overlapping(placed.map((item) => item.box))).toBe(0);
      }),
    );
  });
});
