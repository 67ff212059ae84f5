import { createHash, type Hash } from "node:crypto";

/** Bytes of a name that is longer than a header holds; a longer one ends the reading. */
const LONG_NAME_BYTES_MAX = 64 * 1024;
const BLOCK = 512;
const REGULAR = new Set(["0", "\0", "7"]);

export type TarFile = { readonly path: string; readonly sha256: string; readonly executable: boolean };

/**
 * Digests of the regular files in a tar stream (tar(5): ustar with GNU and pax long names), as it comes. Hard links have
 * the digest of what they name. Throws for what is no tar.
 */
export async function* readTarDigests(chunks: AsyncIterable<Buffer>): AsyncGenerator<TarFile> {
  const input = new BlockReader(chunks);
  const digests = new Map<string, string>();
  let longName: string | undefined;
  let longLink: string | undefined;
  for (;;) {
    const header = await input.take(BLOCK);
    if (header === undefined || header.every((byte) => byte === 0)) return;
    const { size, type, mode, name, link } = parseHeader(header);
    if (type === "L" || type === "K" || type === "x") {
      if (size > LONG_NAME_BYTES_MAX) throw new Error(`a name of ${size} bytes in the archive`);
      const text = (await input.takeAll(size)).toString("utf8");
      if (type === "L") longName = text.replace(/\0.*$/s, "");
      else if (type === "K") longLink = text.replace(/\0.*$/s, "");
      else {
        longName = paxValue(text, "path") ?? longName;
        longLink = paxValue(text, "linkpath") ?? longLink;
      }
      continue;
    }
    const path = absolute(longName ?? name);
    const target = absolute(longLink ?? link);
    longName = undefined;
    longLink = undefined;
    if (REGULAR.has(type)) {
      const sha256 = (await input.hash(size)).digest("hex");
      digests.set(path, sha256);
      yield { path, sha256, executable: (mode & 0o111) !== 0 };
    } else {
      await input.hash(size);
      const linked = type === "1" ? digests.get(target) : undefined;
      if (linked !== undefined) yield { path, sha256: linked, executable: (mode & 0o111) !== 0 };
    }
  }
}

function parseHeader(header: Buffer) {
  const text = (from: number, to: number) => header.toString("utf8", from, to).replace(/\0.*$/s, "");
  const prefix = text(257, 262) === "ustar" ? text(345, 500) : "";
  const size = numberOf(header, 124, 136);
  const sum = Number.parseInt(text(148, 156).trim(), 8);
  const actual = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (sum !== actual) throw new Error("the archive is damaged: a header has another sum");
  const type = header.toString("latin1", 156, 157);
  const name = prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`;
  return { size, type, mode: numberOf(header, 100, 108), name, link: text(157, 257) };
}

/** Octal digits, or binary where the first bit is set. */
function numberOf(header: Buffer, from: number, to: number): number {
  const first = header[from] ?? 0;
  const value =
    (first & 0x80) !== 0
      ? Number(BigInt(`0x${header.toString("hex", to - 8, to)}`))
      : Number.parseInt(header.toString("latin1", from, to).replace(/[\0 ]+$/, "") || "0", 8);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error("the archive is damaged: a number is none");
  return value;
}

/** pax records are `LENGTH KEY=VALUE\n`. */
function paxValue(text: string, key: string): string | undefined {
  return new RegExp(`(?:^|\\n)\\d+ ${key}=([^\\n]*)`).exec(text)?.[1];
}

/** `./usr/bin/x` as `/usr/bin/x`. */
function absolute(path: string): string {
  return `/${path.replace(/^(?:\.?\/)+/, "")}`;
}

/** Takes exact numbers of bytes from chunks of any size. */
class BlockReader {
  private readonly chunks: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.chunks = chunks[Symbol.asyncIterator]();
  }

  /** Undefined at the end. */
  async take(bytes: number): Promise<Buffer | undefined> {
    while (this.rest.length < bytes) {
      const next = await this.chunks.next();
      if (next.done === true) return undefined;
      this.rest = Buffer.concat([this.rest, next.value]);
    }
    const taken = this.rest.subarray(0, bytes);
    this.rest = this.rest.subarray(bytes);
    return taken;
  }

  /** `size` bytes, and the padding behind them. */
  async takeAll(size: number): Promise<Buffer> {
    const bytes = await this.take(padded(size));
    if (bytes === undefined) throw new Error("the archive ends within a file");
    return bytes.subarray(0, size);
  }

  async hash(size: number): Promise<Hash> {
    const hash = createHash("sha256");
    for (let left = size; left > 0; ) {
      if (this.rest.length === 0) {
        const next = await this.chunks.next();
        if (next.done === true) throw new Error("the archive ends within a file");
        this.rest = next.value;
      }
      const part = this.rest.subarray(0, left);
      hash.update(part);
      left -= part.length;
      this.rest = this.rest.subarray(part.length);
    }
    await this.take(padded(size) - size);
    return hash;
  }
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}
