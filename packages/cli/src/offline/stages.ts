import type { LearnStage } from "@ringwall/learner";
import { note } from "../output/print.ts";

/** Fewer edges are learned from in a second or two; a log need not hear of that. */
const LOGGED_EDGES_MIN = 100_000;

/** Where the learner is: a line that renews itself on a terminal, a line each in logs of long work. */
export function showStages(edges: number) {
  const terminal = process.stderr.isTTY === true;
  return {
    show(stage: LearnStage): void {
      const line = `${stage} (${edges.toLocaleString("en")} edges) …`;
      if (terminal) process.stderr.write(`\r\u001b[K${line}`);
      else if (edges >= LOGGED_EDGES_MIN) note(line);
    },
    end(): void {
      if (terminal) process.stderr.write("\r\u001b[K");
    },
  };
}
