const MASK = 0xffff_ffff_ffff_ffffn;

/**
 * SipHash-2-4 with 64 bits of output (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012), as the reference
 * against which the kernel's is tested.
 * @param key 16 bytes
 * @returns the 8 bytes as the paper writes them, little-endian
 */
export function sipHash24(key: Uint8Array, message: Uint8Array): Uint8Array {
  const k0 = word(key, 0);
  const k1 = word(key, 8);
  const v: State = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ];
  const whole = message.length - (message.length % 8);
  for (let at = 0; at < whole; at += 8) absorb(v, word(message, at));
  const last = new Uint8Array(8);
  last.set(message.subarray(whole));
  last[7] = message.length;
  absorb(v, word(last, 0));
  v[2] ^= 0xffn;
  for (let i = 0; i < FINAL_ROUNDS; i++) round(v);
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, v[0] ^ v[1] ^ v[2] ^ v[3], true);
  return out;
}

type State = [bigint, bigint, bigint, bigint];
const WORD_ROUNDS = 2;
const FINAL_ROUNDS = 4;

function absorb(v: State, m: bigint): void {
  v[3] ^= m;
  for (let i = 0; i < WORD_ROUNDS; i++) round(v);
  v[0] ^= m;
}

function round(v: State): void {
  v[0] = (v[0] + v[1]) & MASK;
  v[1] = rotate(v[1], 13n) ^ v[0];
  v[0] = rotate(v[0], 32n);
  v[2] = (v[2] + v[3]) & MASK;
  v[3] = rotate(v[3], 16n) ^ v[2];
  v[0] = (v[0] + v[3]) & MASK;
  v[3] = rotate(v[3], 21n) ^ v[0];
  v[2] = (v[2] + v[1]) & MASK;
  v[1] = rotate(v[1], 17n) ^ v[2];
  v[2] = rotate(v[2], 32n);
}

function rotate(x: bigint, bits: bigint): bigint {
  return ((x << bits) | (x >> (64n - bits))) & MASK;
}

function word(bytes: Uint8Array, at: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true);
}
