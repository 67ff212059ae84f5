import { openSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { makeFolder } from "@ringwall/controller/make-folder";
import { createLogLines, type LogLines } from "../log-lines.ts";

/** A log longer than this when it is opened is moved to `.1`, so that both together stay bounded over many starts. */
const LOG_BYTES_MAX = 16 * 1024 * 1024;
/** What is kept of the time before the file is opened; the rest is dropped. */
const EARLY_BYTES_MAX = 1024 * 1024;
/** What is kept of a line until its end comes. */
const LINE_BYTES_MAX = 64 * 1024;
const TAIL_LINES = 10;

/** Where a part's log goes: kept in memory until `open`, because the controller makes the data folder itself. */
export type LogFile = {
  readonly path: string;
  readonly take: (stream: Readable) => void;
  readonly open: () => void;
  /** The last lines from before it was opened, for a part that ended without a word. */
  readonly tail: () => string;
};

/** `time` is as the part writes it into its lines. */
export function createLog(path: string, time: () => number | string): LogFile {
  let file: LogLines | undefined;
  let early: Buffer[] = [];
  let earlyBytes = 0;
  const write = (lines: Buffer) => {
    if (file !== undefined) file.write(lines);
    else if (earlyBytes < EARLY_BYTES_MAX) {
      early.push(lines);
      earlyBytes += lines.length;
    }
  };
  return {
    path,
    take: (stream) => takeLines(stream, write),
    open: () => {
      file = createLogLines(() => openFile(path), time);
      for (const lines of early) file.write(lines);
      early = [];
    },
    tail: () => Buffer.concat(early).toString("utf8").trimEnd().split("\n").slice(-TAIL_LINES).join("\n"),
  };
}

/** Whole lines: where some are lost, or a part's two streams meet, none may be torn. */
function takeLines(stream: Readable, write: (lines: Buffer) => void): void {
  let begun = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    const all = Buffer.concat([begun, chunk]);
    const lines = all.lastIndexOf("\n") + 1;
    const end = lines === 0 && all.length > LINE_BYTES_MAX ? all.length : lines;
    if (end > 0) write(all.subarray(0, end));
    begun = all.subarray(end);
  });
  stream.once("end", () => {
    if (begun.length > 0) write(Buffer.from(`${begun}\n`));
  });
}

function openFile(path: string): number {
  makeFolder(dirname(path), 0o700);
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
  return openSync(path, "a", 0o600);
}
