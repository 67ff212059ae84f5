import { Worker } from "node:worker_threads";
import { createMutex, type Mutex } from "../mutex.ts";
import type { AnswerOf, Question } from "./questions.ts";

/** A question that takes longer is given up; the learner's own goal is a minute for 500,000 edges. */
export const QUESTION_SECONDS_MAX = 180;
/** Memory of the thread that answers. */
export const QUESTION_MEMORY_MB_MAX = 4_096;
const THREAD = new URL("./thread.ts", import.meta.url);

/** Asks on a thread of its own, one question after the other: agents' heartbeats never wait for the learner. */
export type Asker = <Q extends Question>(question: Q) => Promise<AnswerOf<Q>>;

export function createAsker(): Asker {
  const oneAtATime: Mutex = createMutex();
  return <Q extends Question>(question: Q) => oneAtATime(() => ask(question));
}

function ask<Q extends Question>(question: Q): Promise<AnswerOf<Q>> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(THREAD, {
      workerData: question,
      resourceLimits: { maxOldGenerationSizeMb: QUESTION_MEMORY_MB_MAX },
    });
    const timer = setTimeout(() => {
      reject(new Error(`the question took longer than ${QUESTION_SECONDS_MAX} s`));
      void worker.terminate();
    }, QUESTION_SECONDS_MAX * 1000);
    worker.once("message", (answer: AnswerOf<Q>) => resolve(answer));
    worker.once("error", reject);
    worker.once("exit", () => {
      clearTimeout(timer);
      reject(new Error("the thread ended without an answer"));
    });
    worker.unref();
  });
}
