/** Sizes in world pixels, which are screen pixels at zoom 1. The style sheet of the cards agrees; the browser test holds it to that. */
export const CARD = { width: 236, header: 30, row: 24, padding: 6, gapX: 100, gapY: 20 } as const;
/** Height of the free lane that a long link has through a column. */
export const LANE_HEIGHT = 16;

export function heightOfCard(rows: number): number {
  return CARD.header + rows * CARD.row + CARD.padding;
}

export type Point = { readonly x: number; readonly y: number };

/** What the layout needs of a map: structure only, so that new counts never move anything. */
export type DiagramInput = {
  readonly cards: readonly { readonly id: string; readonly rows: readonly string[] }[];
  readonly links: readonly {
    readonly source: string;
    readonly target: string;
    readonly sourceCard: string;
    readonly targetCard: string;
  }[];
};

export type DiagramLayout = {
  /** Top left corner of each card. */
  readonly cards: ReadonlyMap<string, Point>;
  readonly columnOf: ReadonlyMap<string, number>;
  /** Left end of each lane's middle line. */
  readonly lanes: ReadonlyMap<string, Point>;
  /** Each card's rows from top to bottom. */
  readonly rows: ReadonlyMap<string, readonly string[]>;
};
