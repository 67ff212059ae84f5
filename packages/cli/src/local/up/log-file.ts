import { createWriteStream, renameSync, statSync, type WriteStream } from "node:fs";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { makeFolder } from "@ringwall/controller/make-folder";

/** A log longer than this when it is opened is moved to `.1`, so that both together stay bounded over many starts. */
const LOG_BYTES_MAX = 16 * 1024 * 1024;
/** What is kept of the time before the file is opened; the rest is dropped. */
const EARLY_BYTES_MAX = 1024 * 1024;
const TAIL_LINES = 10;

/** Where a part's log goes: kept in memory until `open`, because the controller makes the data folder itself. */
export type LogFile = {
  readonly path: string;
  readonly take: (stream: Readable) => void;
  readonly open: () => void;
  /** The last lines from before it was opened, for a part that ended without a word. */
  readonly tail: () => string;
  readonly close: () => void;
};

export function createLog(path: string): LogFile {
  let file: WriteStream | undefined;
  let early: Buffer[] = [];
  let earlyBytes = 0;
  const write = (chunk: Buffer) => {
    if (file !== undefined) file.write(chunk);
    else if (earlyBytes < EARLY_BYTES_MAX) {
      early.push(chunk);
      earlyBytes += chunk.length;
    }
  };
  return {
    path,
    take: (stream) => stream.on("data", write),
    open: () => {
      file = openFile(path);
      for (const chunk of early) file.write(chunk);
      early = [];
    },
    tail: () => Buffer.concat(early).toString("utf8").trimEnd().split("\n").slice(-TAIL_LINES).join("\n"),
    close: () => file?.end(),
  };
}

function openFile(path: string): WriteStream {
  makeFolder(dirname(path), 0o700);
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
  const stream = createWriteStream(path, { flags: "a", mode: 0o600 });
  // A full disk must not end what is running.
  stream.on("error", () => undefined);
  return stream;
}
