import type { Schemas } from "@ringwall/protocol/client";

export type MapEdge = Schemas["MapEdge"];
export type MapNode = Schemas["MapNode"];
export type WorkloadView = Schemas["WorkloadView"];
export type SoftwareView = Schemas["SoftwareView"];
export type SegmentView = Schemas["SegmentView"];
export type PolicyView = Schemas["PolicyView"];
export type AlertView = Schemas["AlertView"];
export type RevisionView = Schemas["RevisionView"];
export type StatusView = Schemas["StatusView"];
export type ProposalView = Schemas["ProposalView"];
export type ProposedRule = Schemas["ProposedRule"];
export type RejectionView = Schemas["RejectionView"];
export type PathView = Schemas["PathView"];
export type Flow = Schemas["Flow"];

/** What the mock controller knows. Lists are replaced, never changed in place. */
export type MockState = {
  signedIn: boolean;
  status: StatusView;
  workloads: readonly WorkloadView[];
  software: readonly SoftwareView[];
  segments: readonly SegmentView[];
  policies: readonly PolicyView[];
  alerts: readonly AlertView[];
  revisions: readonly RevisionView[];
  paths: readonly PathView[];
  /** Null: the learner has proposed nothing. */
  proposal: ProposalView | null;
  rejections: readonly RejectionView[];
  addresses: readonly string[];
  edges: readonly MapEdge[];
  readonly listeners: Set<(event: MockEvent) => void>;
};

export type MockEvent = { readonly kind: "status" | "flows" | "alert"; readonly data: unknown };

/** Tells every open console what to fetch again. */
export function announce(state: MockState, kind: MockEvent["kind"], data: unknown = {}): void {
  for (const listener of state.listeners) listener({ kind, data });
}
