/** A set of rules, a bit for each in the order in which they are asked. */
export type Bits = Uint32Array;

export function noBits(rules: number): Bits {
  return new Uint32Array((rules + 31) >>> 5);
}

export function setBit(bits: Bits, rule: number): void {
  bits[rule >>> 5] = (bits[rule >>> 5] ?? 0) | (1 << (rule & 31));
}

/** Equal sets stored once: many workloads are alike. */
export function createPool(): (bits: Bits) => Bits {
  const known = new Map<string, Bits>();
  return (bits) => {
    const key = String.fromCharCode(...new Uint16Array(bits.buffer, bits.byteOffset, bits.length * 2));
    const found = known.get(key);
    if (found !== undefined) return found;
    known.set(key, bits);
    return bits;
  };
}

/** Indices of the words that are not zero, ascending: most ends are spoken of by few rules. */
export function wordsOf(bits: Bits): Int32Array {
  const words: number[] = [];
  bits.forEach((word, i) => {
    if (word !== 0) words.push(i);
  });
  return Int32Array.from(words);
}

/** Calls `accept` with each rule in all four sets, in order, until it says yes; -1 where none does. `words`: those of `a` that are not zero. */
export function firstOf(
  words: Int32Array,
  a: Bits,
  b: Bits,
  c: Bits,
  d: Bits,
  accept: (rule: number) => boolean,
): number {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number; // i is in bounds, and the four sets are of one length
    let rest = (a[word] as number) & (b[word] as number) & (c[word] as number) & (d[word] as number);
    while (rest !== 0) {
      const bit = 31 - Math.clz32(rest & -rest);
      const rule = (word << 5) | bit;
      if (accept(rule)) return rule;
      rest &= rest - 1;
    }
  }
  return -1;
}
