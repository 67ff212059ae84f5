import type { Result } from "@ringwall/model";
import type {
  AlertView,
  AuditView,
  ChangeReply,
  confirmReply,
  DriftReply,
  DrillsReply,
  DrillView,
  draftBody,
  draftReply,
  drillBody,
  drillPair,
  enrollmentTokenBody,
  enrollmentTokenReply,
  flowsQuery,
  flowsReply,
  LearnReply,
  learnBody,
  MapView,
  modeBody,
  PathView,
  PolicyView,
  ProposalView,
  pauseBody,
  pauseReply,
  provisionBody,
  RejectionView,
  ReviewBody,
  RevisionView,
  rollbackBody,
  SegmentView,
  ShadowView,
  SimulateReply,
  SoftwareReply,
  StatusView,
  shadowBody,
  simulateBody,
  UpgradeView,
  WorkloadView,
} from "@ringwall/protocol/rest";
import type { z } from "zod";
import type { Refusal } from "../../refusal.ts";

/** Who asks: written into revisions and the audit log. */
export type Actor = { readonly name: string };
type Reply<T> = Promise<Result<T, Refusal>>;

export type ControllerEvent = { readonly kind: "status" | "flows" | "alert"; readonly data: unknown };

/** What the routes need of the rest of the controller; the routes themselves only translate HTTP. */
export type UserServices = {
  status(): Promise<StatusView>;
  workloads(): Promise<readonly WorkloadView[]>;
  software(): Promise<SoftwareReply>;
  upgrades(): Promise<readonly UpgradeView[]>;
  segments(): Promise<readonly SegmentView[]>;
  policies(): Promise<readonly PolicyView[]>;
  alerts(): Promise<readonly AlertView[]>;
  paths(): Promise<readonly PathView[]>;
  audit(): Promise<readonly AuditView[]>;
  revisions(): Promise<readonly RevisionView[]>;
  flows(query: z.infer<typeof flowsQuery>): Promise<z.infer<typeof flowsReply>>;
  map(since: string | undefined): Promise<MapView>;
  draft(): Promise<z.infer<typeof draftReply>>;
  replaceDraft(body: z.infer<typeof draftBody>, actor: Actor): Reply<z.infer<typeof draftReply>>;
  learn(body: z.infer<typeof learnBody>, actor: Actor): Reply<LearnReply>;
  /** What was seen and is not allowed by what is in force. */
  drift(since: string | undefined): Promise<DriftReply>;
  proposal(): Reply<ProposalView>;
  review(body: ReviewBody, actor: Actor): Reply<ProposalView>;
  rejections(): Promise<readonly RejectionView[]>;
  forgetRejection(id: number, actor: Actor): Reply<{ readonly forgotten: number }>;
  simulate(body: z.infer<typeof simulateBody>): Reply<SimulateReply>;
  provision(body: z.infer<typeof provisionBody>, actor: Actor): Reply<ChangeReply>;
  mode(body: z.infer<typeof modeBody>, actor: Actor): Reply<ChangeReply>;
  confirm(actor: Actor): Reply<z.infer<typeof confirmReply>>;
  rollback(body: z.infer<typeof rollbackBody>, actor: Actor): Reply<ChangeReply>;
  /** The newest draft that was let meet live traffic, and what it would have changed. */
  shadow(): Reply<ShadowView>;
  startShadow(body: z.infer<typeof shadowBody>, actor: Actor): Reply<ShadowView>;
  stopShadow(actor: Actor): Reply<ShadowView>;
  drills(): Promise<DrillsReply>;
  drill(run: number): Reply<DrillView>;
  startDrill(body: z.infer<typeof drillBody>, actor: Actor): Reply<DrillView>;
  stopDrills(pair: z.infer<typeof drillPair>, actor: Actor): Reply<DrillsReply>;
  createEnrollmentToken(
    body: z.infer<typeof enrollmentTokenBody>,
    actor: Actor,
  ): Reply<z.infer<typeof enrollmentTokenReply>>;
  labelWorkload(name: string, labels: Readonly<Record<string, string>>, actor: Actor): Reply<WorkloadView>;
  /** Break-glass: its agent refuses nothing for so long; 0 seconds = it enforces again. */
  pauseWorkload(
    name: string,
    body: z.infer<typeof pauseBody>,
    actor: Actor,
  ): Reply<z.infer<typeof pauseReply>>;
  /** Forgets a host with an agent: its certificate is refused from now on. */
  removeWorkload(name: string, actor: Actor): Reply<{ readonly removed: string }>;
  /** Calls `listener` for every event until the returned function is called. */
  listen(listener: (event: ControllerEvent) => void): () => void;
};

/** Sessions and tokens of people. */
export type SignIn = {
  /** A link that works once, with the time it ends. */
  createLink(): Promise<{ readonly url: string; readonly expires: string }>;
  /** Trades the link's secret for a session's; null when it is unknown, used or too old. */
  redeem(secret: string): Promise<{ readonly session: string; readonly maxAgeSeconds: number } | null>;
  session(secret: string): Promise<Actor | null>;
  bearer(token: string): Actor | null;
};
