/** A column of a table as far as its room goes. */
export type FittedColumn = {
  /** A track of a CSS grid: `120px`, `minmax(160px, 2fr)`. */
  readonly width: string;
  /** In a table that is too narrow the columns with the lowest number leave first; those without stay. */
  readonly leaves?: number;
};

/** The columns that there is room for, in their order; those that always stay may need more than there is. */
export function fitColumns<C extends FittedColumn>(columns: readonly C[], px: number): readonly C[] {
  const order = columns
    .filter((column) => column.leaves !== undefined)
    .toSorted((a, b) => (a.leaves ?? 0) - (b.leaves ?? 0));
  const gone = new Set<C>();
  const left = () => columns.filter((column) => !gone.has(column));
  for (const column of order) {
    if (leastWidth(left()) <= px) break;
    gone.add(column);
  }
  return left();
}

/** Pixels below which columns would be squeezed: the first numbers of their tracks. */
export function leastWidth(columns: readonly FittedColumn[]): number {
  return columns.reduce((sum, { width }) => sum + Number.parseInt(/\d+/.exec(width)?.[0] ?? "0", 10), 0);
}
