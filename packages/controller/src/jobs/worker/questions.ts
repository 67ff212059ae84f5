import type { LearnResult } from "@ringwall/learner";
import type { Resource, Software, Workload } from "@ringwall/model";
import type { EssentialConfig } from "@ringwall/policy";
import type { SimulateReply } from "@ringwall/protocol/rest";
import type { LearnOptions } from "../learn.ts";
import type { Seen } from "../window.ts";

/** A policy with the workloads it is judged on, as plain data that goes from thread to thread. */
export type PlainWorld = { readonly resources: readonly Resource[]; readonly workloads: readonly Workload[] };

export type LearnQuestion = {
  readonly kind: "learn";
  readonly seen: readonly Seen[];
  readonly inventory: readonly Workload[];
  readonly options: LearnOptions;
};
export type SimulateQuestion = {
  readonly kind: "simulate";
  readonly seen: readonly Seen[];
  readonly draft: PlainWorld;
  readonly live: PlainWorld;
  readonly essential: EssentialConfig;
  /** What programs are called by. */
  readonly software: readonly Software[];
};

export type Question = LearnQuestion | SimulateQuestion;
export type AnswerOf<Q extends Question> = Q extends LearnQuestion ? LearnResult : SimulateReply;
