import type { DriftResult, LearnResult, UpdateResult } from "@ringwall/learner";
import type { Resource, Software, Workload } from "@ringwall/model";
import type { EssentialConfig } from "@ringwall/policy";
import type { SimulateReply } from "@ringwall/protocol/rest";
import type { DraftFile } from "../../store/state/tables.ts";
import type { parseDraft } from "../draft.ts";
import type { LearnOptions } from "../learn.ts";
import type { ProofFacts } from "../simulate.ts";
import type { Seen } from "../window.ts";

/** A policy with the workloads it is judged on, as plain data that goes from thread to thread. */
export type PlainWorld = { readonly resources: readonly Resource[]; readonly workloads: readonly Workload[] };

export type LearnQuestion = {
  readonly kind: "learn";
  readonly seen: readonly Seen[];
  readonly inventory: readonly Workload[];
  readonly options: LearnOptions;
  /** Names that the new documents must leave alone. */
  readonly taken: readonly string[];
};
export type UpdateQuestion = {
  readonly kind: "update";
  readonly seen: readonly Seen[];
  readonly world: PlainWorld;
  readonly options: LearnOptions;
};
export type DriftQuestion = {
  readonly kind: "drift";
  readonly seen: readonly Seen[];
  readonly world: PlainWorld;
  readonly options: Pick<LearnOptions, "essential">;
};
export type SimulateQuestion = {
  readonly kind: "simulate";
  readonly seen: readonly Seen[];
  readonly draft: PlainWorld;
  readonly live: PlainWorld;
  readonly essential: EssentialConfig;
  readonly proof: ProofFacts;
  /** What programs are called by. */
  readonly software: readonly Software[];
};

export type ParseQuestion = { readonly kind: "parse"; readonly files: readonly DraftFile[] };

export type Question = LearnQuestion | UpdateQuestion | DriftQuestion | SimulateQuestion | ParseQuestion;
type Answers = {
  readonly learn: LearnResult;
  readonly update: UpdateResult | null;
  readonly drift: DriftResult;
  readonly simulate: SimulateReply;
  readonly parse: ReturnType<typeof parseDraft>;
};
export type AnswerOf<Q extends Question> = Answers[Q["kind"]];
