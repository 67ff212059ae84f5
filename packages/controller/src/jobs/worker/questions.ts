import type { DriftResult, LearnResult, RuleEdit, UpdateResult } from "@ringwall/learner";
import type { Problem, Resource, Segment, Software, Workload } from "@ringwall/model";
import type { CheckOptions, EssentialConfig } from "@ringwall/policy";
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
  /** What the proposal keeps; the new documents leave its names alone. */
  readonly kept: readonly Resource[];
};
export type UpdateQuestion = {
  readonly kind: "update";
  readonly seen: readonly Seen[];
  readonly world: PlainWorld;
  readonly options: LearnOptions;
  /** The text of the world's resources. */
  readonly files: readonly DraftFile[];
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
/** The draft with the segment's modes. */
export type ModeQuestion = {
  readonly kind: "mode";
  readonly files: readonly DraftFile[];
  readonly segment: Segment;
};
export type FormatQuestion = { readonly kind: "format"; readonly resources: readonly Resource[] };
/** The draft after a review. */
export type ReviewQuestion = {
  readonly kind: "review";
  readonly files: readonly DraftFile[];
  readonly edits: readonly RuleEdit[];
};
export type CheckQuestion = {
  readonly kind: "check";
  readonly world: PlainWorld;
  readonly options: CheckOptions;
};
/** Work on one policy: short ones need no thread. */
export type PolicyQuestion = ParseQuestion | ModeQuestion | FormatQuestion | ReviewQuestion | CheckQuestion;

export type Question = LearnQuestion | UpdateQuestion | DriftQuestion | SimulateQuestion | PolicyQuestion;
type Answers = {
  /** With what is kept, and as the draft that it makes. */
  readonly learn: LearnResult & { readonly files: readonly DraftFile[] };
  readonly update: (UpdateResult & { readonly files: readonly DraftFile[] }) | null;
  readonly drift: DriftResult;
  readonly simulate: SimulateReply;
  readonly parse: ReturnType<typeof parseDraft>;
  readonly mode: readonly DraftFile[];
  readonly format: string;
  readonly review: readonly DraftFile[];
  readonly check: readonly Problem[];
};
export type AnswerOf<Q extends Question> = Answers[Q["kind"]];
