import type { Schemas } from "@ringwall/protocol/client";

// The generated types under the names that pages use; nothing here is written by hand.
export type MapView = Schemas["MapView"];
export type MapEdge = Schemas["MapEdge"];
export type MapNode = Schemas["MapNode"];
export type WorkloadView = Schemas["WorkloadView"];
export type SoftwareView = Schemas["SoftwareView"];
export type SegmentView = Schemas["SegmentView"];
export type PolicyView = Schemas["PolicyView"];
export type RuleView = PolicyView["rules"][number];
export type AlertView = Schemas["AlertView"];
export type RevisionView = Schemas["RevisionView"];
export type StatusView = Schemas["StatusView"];
export type PendingConfirm = Schemas["PendingConfirm"];
export type ProblemDetails = Schemas["ProblemDetails"];
export type ProposalView = Schemas["ProposalView"];
export type ProposedRule = Schemas["ProposedRule"];
export type ReviewState = ProposedRule["state"];
export type FindingView = Schemas["FindingView"];
export type RejectionView = Schemas["RejectionView"];
export type PathView = Schemas["PathView"];
export type Flow = Schemas["Flow"];
export type Outcome = MapEdge["outcome"];
export type Verification = MapEdge["verification"];
export type Mode = NonNullable<SegmentView["modes"]["inbound"]>;
export type Provenance = SoftwareView["provenance"];
