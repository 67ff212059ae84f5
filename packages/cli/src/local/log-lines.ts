import { writeSync } from "node:fs";

/** Of lines that wait until they can be written; those that come then are lost, and counted. */
const LOG_WAITING_BYTES_MAX = 1024 * 1024;
const RETRY_MS = 100;
const NEWLINE = 0x0a;

/** Where log lines go: whole ones, one or several at once. Neither throws nor waits. */
export type LogLines = { readonly write: (lines: string | Uint8Array) => void };

/** As the agent writes times into its log; the controller writes milliseconds since 1970. */
export const isoTime = () => new Date().toISOString();

/** The log of this program, on standard error. */
export function stderrLines(time: () => number | string): LogLines {
  // Node.js makes a pipe or socket non-blocking once it is asked for the stream: a reader that hangs holds up nobody.
  const { fd } = process.stderr;
  return createLogLines(() => fd, time);
}

/**
 * Writes to the file descriptor that `open` gives, which is asked until it throws no more. What can't be written, because the
 * disk is full or the reader slow or gone, waits. One line tells how many were lost beyond that, once there is room again;
 * its `time` is as in the log's other lines.
 */
export function createLogLines(open: () => number, time: () => number | string): LogLines {
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let lost = 0;
  let fd: number | undefined;
  let retry: NodeJS.Timeout | undefined;

  const isFull = () => lost > 0 || waitingBytes >= LOG_WAITING_BYTES_MAX;

  function add(lines: Uint8Array): void {
    waiting.push(lines);
    waitingBytes += lines.length;
  }

  function drain(): void {
    fd ??= open();
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      const written = writeSync(fd, first);
      waitingBytes -= written;
      if (written < first.length) waiting[0] = first.subarray(written);
      else waiting.shift();
    }
  }

  function flush(): void {
    clearTimeout(retry);
    try {
      drain();
      if (lost === 0) return;
      add(lostLine(lost, time()));
      lost = 0;
      drain();
    } catch {
      retry = setTimeout(flush, RETRY_MS).unref();
    }
  }

  return {
    write: (lines) => {
      const bytes = Buffer.from(lines);
      if (isFull()) flush();
      // INVARIANT: after a lost line none is taken before the loss was told, so that it is told in its place.
      if (isFull()) lost += countLines(bytes);
      else {
        add(bytes);
        flush();
      }
    },
  };
}

function lostLine(lost: number, time: number | string): Uint8Array {
  const msg = `lines of this log that could not be written and are lost: ${lost}`;
  return Buffer.from(`${JSON.stringify({ level: 40, time, lost, msg })}\n`);
}

function countLines(bytes: Uint8Array): number {
  return bytes.reduce((lines, byte) => lines + Number(byte === NEWLINE), 0);
}
