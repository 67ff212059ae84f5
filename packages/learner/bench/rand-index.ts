/** Adjusted Rand index of two labelings of the same things: 1 = the same division, 0 = chance (Hubert & Arabie 1985). */
export function adjustedRand(a: readonly string[], b: readonly string[]): number {
  const cells = new Map<string, number>();
  const rows = new Map<string, number>();
  const columns = new Map<string, number>();
  const bump = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1);
  a.forEach((label, n) => {
    bump(cells, `${label}\t${b[n]}`);
    bump(rows, label);
    bump(columns, b[n] ?? "");
  });
  const pairs = (map: ReadonlyMap<string, number>): number =>
    [...map.values()].reduce((sum, n) => sum + (n * (n - 1)) / 2, 0);
  const [both, left, right] = [pairs(cells), pairs(rows), pairs(columns)];
  const expected = (left * right) / ((a.length * (a.length - 1)) / 2);
  const most = (left + right) / 2;
  return most === expected ? 1 : (both - expected) / (most - expected);
}
