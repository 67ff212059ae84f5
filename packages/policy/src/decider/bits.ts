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

/** Calls `accept` with each rule in all four sets, in order, until it says yes; -1 where none does. */
export function firstOf(a: Bits, b: Bits, c: Bits, d: Bits, accept: (rule: number) => boolean): number {
  for (let word = 0; word < a.length; word++) {
    // Four sets of one length: the index is good for all of them.
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
