/** What holds for a range of ports; `MISS` = nothing, the look-up goes on elsewhere. Both ends inclusive. */
export type PortRange = { readonly from: number; readonly to: number; readonly value: number };
/** A block of 2^(16 - bits) ports from `port` on. */
export type PortBlock = { readonly port: number; readonly bits: number; readonly value: number };

export const MISS = -1;
const PORT_BITS = 16;
export const PORT_LAST = 65535;

/**
 * The fewest blocks under longest-prefix match that give every port its value (Draves et al., "Constructing optimal IP
 * routing tables", 1999), where `MISS` may be written out as `missValue` below a wider block.
 * @param ranges cover 0..65535 in order
 */
export function portBlocksOf(ranges: readonly PortRange[], missValue: number): readonly PortBlock[] {
  const blocks: PortBlock[] = [];
  const tree = candidates(ranges, 0, 0, 0, ranges.length - 1);
  assign(tree, 0, 0, MISS, missValue, blocks);
  return blocks;
}

type Tree = { readonly values: ReadonlySet<number>; readonly low?: Tree; readonly high?: Tree };

/** Bottom up: the values with which a block needs the fewest entries. */
function candidates(
  ranges: readonly PortRange[],
  port: number,
  bits: number,
  first: number,
  last: number,
): Tree {
  const end = port + 2 ** (PORT_BITS - bits) - 1;
  let from = first;
  while ((ranges[from]?.to ?? end) < port) from++;
  let to = Math.max(from, first);
  while (to < last && (ranges[to]?.to ?? end) < end) to++;
  if (from === to) return { values: new Set([ranges[from]?.value ?? MISS]) };
  const middle = port + 2 ** (PORT_BITS - bits - 1);
  const low = candidates(ranges, port, bits + 1, from, to);
  const high = candidates(ranges, middle, bits + 1, from, to);
  const both = low.values.intersection(high.values);
  return { values: both.size > 0 ? both : low.values.union(high.values), low, high };
}

/** Top down: a block that does not need what it inherits gets an entry. */
function assign(
  tree: Tree,
  port: number,
  bits: number,
  inherited: number,
  missValue: number,
  blocks: PortBlock[],
): void {
  let value = inherited;
  if (!tree.values.has(inherited)) {
    value = chosen(tree.values);
    blocks.push({ port, bits, value: value === MISS ? missValue : value });
  }
  if (tree.low === undefined || tree.high === undefined) return;
  assign(tree.low, port, bits + 1, value, missValue, blocks);
  assign(tree.high, port + 2 ** (PORT_BITS - bits - 1), bits + 1, value, missValue, blocks);
}

/** The smallest, so that the same policy always gives the same entries. */
function chosen(values: ReadonlySet<number>): number {
  return Math.min(...values);
}

/** Two tables over all ports, side by side. */
export function paired(first: readonly PortRange[], second: readonly PortRange[]) {
  const pairs: { readonly from: number; readonly to: number; readonly a: number; readonly b: number }[] = [];
  let i = 0;
  let j = 0;
  let from = 0;
  while (from <= PORT_LAST) {
    const a = first[i] ?? { to: PORT_LAST, value: MISS };
    const b = second[j] ?? { to: PORT_LAST, value: MISS };
    const to = Math.min(a.to, b.to);
    pairs.push({ from, to, a: a.value, b: b.value });
    if (a.to === to) i++;
    if (b.to === to) j++;
    from = to + 1;
  }
  return pairs;
}
