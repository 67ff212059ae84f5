import type { Problem } from "@ringwall/model";
import { createLinePlayer, type Player, type PolicySet } from "@ringwall/policy";
import { note, printProblems } from "../output/print.ts";
import { lineChunks } from "./line-chunks.ts";
import { endOfLine, parseEnd, parseFlow } from "./records.ts";

/** Progress is told this often, to people and to logs. */
const PROGRESS_MS = 1000;
const LOG_MS = 10_000;

/** Plays every line of a file of flows; `bad` lines are reported, and the first of them ends it unless `keepGoing`. */
export async function playFile(
  file: string,
  play: Player,
  sets: readonly PolicySet[],
  keepGoing: boolean,
): Promise<{ readonly bad: number; readonly stopped: boolean }> {
  let problems: Problem[] = [];
  let bad = 0;
  let lines = 0;
  const player = createLinePlayer(play, sets, {
    line: (bytes, from, end, line) => {
      const text = textOf(bytes, from, end);
      if (text.trim() === "") return null;
      const read = parseFlow(file, line, text);
      if ("record" in read) return read.record;
      problems.push(read.problem());
      return null;
    },
    end: (bytes, from, end) => parseEnd(textOf(bytes, from, end)),
  });
  const progress = createProgress();
  for await (const chunk of lineChunks(file)) {
    for (let from = 0; from < chunk.length; ) {
      const end = endOfLine(chunk, from);
      player.add(chunk, from, end, ++lines);
      from = end + 1;
      if (problems.length === 0) continue;
      progress.end();
      await printProblems(problems);
      bad += problems.length;
      problems = [];
      if (!keepGoing) return { bad, stopped: true };
    }
    progress.step(lines);
  }
  player.finish();
  progress.end();
  return { bad, stopped: false };
}

function textOf({ buffer, byteOffset }: Uint8Array, from: number, end: number): string {
  return Buffer.from(buffer, byteOffset + from, end - from).toString();
}

/** How far it is: one line that changes on a terminal, a line now and then elsewhere. */
function createProgress() {
  const terminal = process.stderr.isTTY;
  let nextMs = performance.now() + (terminal ? PROGRESS_MS : LOG_MS);
  let shown = false;
  return {
    step: (lines: number): void => {
      if (performance.now() < nextMs) return;
      nextMs = performance.now() + (terminal ? PROGRESS_MS : LOG_MS);
      if (terminal) process.stderr.write(`\r${lines} lines`);
      else note(`${lines} lines so far`);
      shown = true;
    },
    end: (): void => {
      if (terminal && shown) note("");
      shown = false;
    },
  };
}
