import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { failure } from "../failure.ts";

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EISDIR: "it is a folder",
  EACCES: "this user may not read it",
};
/** Characters of one line; a longer one is no record. */
export const LINE_LENGTH_MAX = 1_000_000;
/** What is kept of a line that is too long: enough to see that it is, in any characters. */
const LINE_BYTES_KEPT = 4 * LINE_LENGTH_MAX + 4;
const CHUNK_BYTES = 1 << 20;
export const NEWLINE = 0x0a;

const BYTE_ORDER_MARK = Buffer.from("\ufeff");

/**
 * The bytes of a file (gzip by the name `.gz`; `-` is standard input) in chunks of whole lines, each with its newline
 * but perhaps the last, without a byte order mark; in constant memory, whatever is in there. Throws Failure for what
 * can't be read.
 */
export async function* lineChunks(file: string): AsyncGenerator<Buffer> {
  let isFirst = true;
  for await (const chunk of wholeLines(file)) {
    const isMarked = isFirst && chunk.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    yield isMarked ? chunk.subarray(BYTE_ORDER_MARK.length) : chunk;
    isFirst = false;
  }
}

async function* wholeLines(file: string): AsyncGenerator<Buffer> {
  const raw: Readable = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES });
  const input = file.endsWith(".gz") ? raw.pipe(createGunzip({ chunkSize: CHUNK_BYTES })) : raw;
  if (input !== raw) raw.once("error", (error) => input.destroy(error));
  let begun: Buffer[] = [];
  let kept = 0;
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      const whole = chunk.lastIndexOf(NEWLINE) + 1;
      let next = 0;
      if (whole > 0 && begun.length > 0) {
        next = chunk.indexOf(NEWLINE) + 1;
        yield Buffer.concat([...begun, chunk.subarray(0, next)]);
        [begun, kept] = [[], 0];
      }
      if (whole > next) yield chunk.subarray(next, whole);
      const rest = chunk.subarray(whole, whole + LINE_BYTES_KEPT - kept);
      if (rest.length > 0) begun.push(Buffer.from(rest));
      kept += rest.length;
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw failure(
      "unreadable-input",
      `cannot read \`${file}\`: ${code.startsWith("Z_") ? "it is not whole gzip data" : (READ_ERRORS[code] ?? code)}`,
      "check the path and the file",
    );
  }
  if (begun.length > 0) yield Buffer.concat(begun);
}
