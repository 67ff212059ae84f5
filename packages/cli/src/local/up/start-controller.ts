import { Failure, failure } from "../../failure.ts";
import { cleanLines } from "../../output/clean.ts";
import type { ControllerRunOptions } from "../controller-run.ts";
import type { PartMessage } from "../parent.ts";
import type { LogFile } from "./log-file.ts";
import { PartFailed, startPart } from "./part.ts";
import { controllerArguments } from "./part-arguments.ts";
import { type Supervised, supervise } from "./supervise.ts";

export type ReadyController = Extract<PartMessage, { kind: "controller-ready" }>;
export type RunningController = { readonly ready: ReadyController; readonly supervised: Supervised };

/** Starts the controller as a part and waits until it serves. Throws Failure with its own words where it can't. */
export async function startControllerPart(
  options: ControllerRunOptions & { readonly data: string },
  log: LogFile,
  end: AbortSignal,
  tell: (line: string) => void,
): Promise<RunningController> {
  const start = () => startPart("controller", controllerArguments(options), log.take);
  const part = start();
  const stop = () => void part.end();
  end.addEventListener("abort", stop, { once: true });
  try {
    const ready = await part.ready;
    if (ready.kind !== "controller-ready") throw new Error(`bug: the controller said ${ready.kind}`);
    log.open();
    return { ready, supervised: supervise("controller", part, start, tell) };
  } catch (error) {
    await part.end();
    throw explain(error, log);
  } finally {
    end.removeEventListener("abort", stop);
  }
}

function explain(error: unknown, log: LogFile): unknown {
  if (!(error instanceof PartFailed)) return error;
  if (error.problems.length > 0) return new Failure(error.problems);
  const last = cleanLines(log.tail());
  const words = last === "" ? error.message : `${error.message}; its last words:\n${last}`;
  return failure("controller-ended", words, "`ringwall controller run` shows all of its log");
}
