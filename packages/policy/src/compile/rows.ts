/** Rows of whole numbers, each kept once and numbered as first met. */
export type Rows = {
  /** To be filled by the caller, then given to `intern`; the same memory each time. */
  readonly scratch: Int32Array;
  /** The number of the row in `scratch`. */
  readonly intern: () => number;
  readonly at: (row: number, column: number) => number;
  readonly size: () => number;
};

const SLOTS_FIRST = 1024;

/** @param width columns of every row; 0 is allowed and has one row */
export function createRows(width: number): Rows {
  const scratch = new Int32Array(width);
  let cells = new Int32Array(width * (SLOTS_FIRST / 2));
  let hashes = new Int32Array(SLOTS_FIRST / 2);
  /** Row number + 1 by hash, linear probing; at most half of the slots are taken. */
  let slots = new Int32Array(SLOTS_FIRST);
  let size = 0;

  const same = (row: number): boolean => {
    for (let i = 0, at = row * width; i < width; i++, at++) if (cells[at] !== scratch[i]) return false;
    return true;
  };
  const place = (hash: number, row: number): void => {
    const mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = row + 1;
  };
  const grow = (): void => {
    cells = copied(cells, cells.length * 2);
    hashes = copied(hashes, hashes.length * 2);
    slots = new Int32Array(slots.length * 2);
    for (let row = 0; row < size; row++) place(hashes[row] as number, row); // row < size <= length
  };
  return {
    scratch,
    at: (row, column) => cells[row * width + column] as number, // callers keep both in bounds
    size: () => size,
    intern: () => {
      const hash = hashOf(scratch);
      const mask = slots.length - 1;
      for (let slot = hash & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
        const row = (slots[slot] as number) - 1; // the mask keeps it in bounds
        if (hashes[row] === hash && same(row)) return row;
      }
      if (size === hashes.length) grow();
      cells.set(scratch, size * width);
      hashes[size] = hash;
      place(hash, size);
      return size++;
    },
  };
}

function copied(from: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(length);
  to.set(from);
  return to;
}

/** Multiply and mix (the finaliser of MurmurHash3), so that small numbers spread over all bits. */
function hashOf(row: Int32Array): number {
  let hash = row.length;
  for (let i = 0; i < row.length; i++) hash = Math.imul(hash ^ (row[i] as number), 0x9e3779b1) + i; // i is in bounds
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
