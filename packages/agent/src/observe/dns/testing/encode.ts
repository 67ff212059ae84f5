/** Writes DNS messages for tests, plainly or with compressed names. */
export type TestRecord = {
  readonly type: number;
  readonly name: string;
  readonly ttl: number;
  /** A name where the type is an alias. */
  readonly data: Uint8Array | string;
};
export type TestMessage = {
  readonly id: number;
  readonly isAnswer: boolean;
  readonly name: string;
  readonly type: number;
  readonly records: readonly TestRecord[];
  readonly compressed?: boolean;
  readonly truncated?: boolean;
};

export function encodeMessage(message: TestMessage): Uint8Array {
  const { id, isAnswer, name, type, records, compressed = false, truncated = false } = message;
  const out: number[] = [];
  const u16 = (value: number) => out.push((value >> 8) & 255, value & 255);
  const places = new Map<string, number>();
  const writeName = (text: string) => {
    const labels = text.split(".");
    for (let i = 0; i < labels.length; i++) {
      const rest = labels.slice(i).join(".");
      const place = places.get(rest);
      if (compressed && place !== undefined) return u16(0xc000 | place);
      places.set(rest, out.length);
      const bytes = Buffer.from(labels[i] ?? "", "latin1");
      out.push(bytes.length, ...bytes);
    }
    return out.push(0);
  };
  u16(id);
  u16((isAnswer ? 0x8180 : 0x0100) | (truncated ? 0x0200 : 0));
  for (const count of [1, records.length, 0, 0]) u16(count);
  writeName(name);
  u16(type);
  u16(1);
  for (const { name: owner, type: kind, ttl, data } of records) {
    writeName(owner);
    u16(kind);
    u16(1);
    u16(ttl >>> 16);
    u16(ttl & 0xffff);
    const lengthAt = out.length;
    u16(0);
    if (typeof data === "string") writeName(data);
    else out.push(...data);
    const length = out.length - lengthAt - 2;
    out[lengthAt] = length >> 8;
    out[lengthAt + 1] = length & 255;
  }
  return Uint8Array.from(out);
}
