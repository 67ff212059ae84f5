import type { Edit, LearnReport, Rejection } from "@ringwall/learner";
import type { Labels, ProcessIdentity, Resource } from "@ringwall/model";
import type { DrillRow } from "@ringwall/protocol/rest";
import type { ColumnType, Generated, JSONColumnType } from "kysely";

type Time = ColumnType<Date, Date | string, Date | string>;
type TimeWithDefault = ColumnType<Date, Date | string | undefined, Date | string>;
/** bigint columns come as numbers: every one of ours stays below 2^53. */
type Big = ColumnType<number, number, number>;
type BigWithDefault = ColumnType<number, number | undefined, number>;
type Json<T extends object> = JSONColumnType<T, string, string>;
type JsonWithDefault<T extends object> = ColumnType<T, string | undefined, string>;

export type DraftFile = { readonly file: string; readonly text: string };
export type StoredListener = { readonly proto: number; readonly port: number; readonly exe: string };
export type RevisionState = "unconfirmed" | "live" | "superseded" | "reverted";

/** The tables of sql/state, for Kysely. */
export type Tables = {
  workloads: {
    name: string;
    agent_labels: JsonWithDefault<Labels>;
    labels: JsonWithDefault<Labels>;
    addresses: Generated<string[]>;
    resolvers: Generated<string[]>;
    version: Generated<string>;
    enrolled_at: TimeWithDefault;
    last_seen: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
    generation: BigWithDefault;
    unconfirmed_generation: BigWithDefault;
    problem: Generated<string>;
    paused_until: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
    capabilities: ColumnType<Record<string, unknown> | null, string | null | undefined, string | null>;
    counters: JsonWithDefault<Record<string, number>>;
    listeners: JsonWithDefault<readonly StoredListener[]>;
    flows_lost: JsonWithDefault<Record<string, number>>;
    flows_lost_before: BigWithDefault;
    mute_ports: Generated<number[]>;
    proves_datagrams: Generated<boolean>;
  };
  certificates: {
    serial: string;
    workload: string;
    not_after: Time;
    revoked_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
  };
  enrollment_tokens: {
    hash: string;
    workload: string | null;
    labels: Json<Labels>;
    created_at: TimeWithDefault;
    created_by: string;
    expires: Time;
    uses_left: number;
  };
  revisions: {
    revision: number;
    time: TimeWithDefault;
    author: string;
    note: string;
    what: string;
    state: RevisionState;
    resources: Json<readonly Resource[]>;
    generation: BigWithDefault;
    /** Of both in `resources`. */
    segments: number;
    rules: number;
  };
  pending: {
    one: Generated<boolean>;
    revision: number;
    generation: Big;
    deadline: Time;
    what: string;
    draft_before: ColumnType<readonly DraftFile[] | null, string | null, string | null>;
    draft_after: ColumnType<readonly DraftFile[] | null, string | null, string | null>;
  };
  draft: {
    one: Generated<boolean>;
    files: Json<readonly DraftFile[]>;
    based_on: number;
    changed_at: TimeWithDefault;
  };
  host_policies: {
    workload: string;
    generation: Big;
    revision: number;
    digest: string;
    policy: Buffer;
    problem: Generated<string>;
    former_policy: Generated<Buffer | null>;
    former_digest: Generated<string | null>;
    former_revision: Generated<number | null>;
  };
  sessions: { hash: string; name: string; expires: Time };
  sign_in_links: { hash: string; expires: Time };
  alerts: {
    id: Generated<number>;
    key: string;
    kind:
      | "blocked"
      | "would-block"
      | "agent-lost"
      | "reverted"
      | "new-software"
      | "shared-address"
      | "path-stripped"
      | "tampered"
      | "paused";
    workload: string | null;
    message: string;
    rule: string | null;
    first_time: Time;
    last_time: Time;
    count: Big;
  };
  identities: {
    number: number;
    digest: Buffer;
    process: Json<ProcessIdentity>;
    workload: string;
    given_at: TimeWithDefault;
  };
  proof_keys: { workload: string; generation: number; public_key: Buffer; offered_at: TimeWithDefault };
  proof_revoked: { workload: string; addresses: string[]; revoked_at: TimeWithDefault };
  proof_profiles: { a: string; b: string; changes: string };
  proof_stripped: { source: string; destination: string; since: Time; datagrams: Generated<boolean> };
  audit: {
    id: Generated<number>;
    time: TimeWithDefault;
    actor: string;
    what: string;
    details: JsonWithDefault<object>;
  };
  facts: { key: string; value: string };
  shadow_runs: {
    run: Big;
    started_at: TimeWithDefault;
    started_by: string;
    ends_at: Time;
    stopped_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
    resources: Json<readonly Resource[]>;
  };
  drills: {
    run: Big;
    source: string;
    destination: string;
    started_at: TimeWithDefault;
    started_by: string;
    state: Generated<"running" | "ended" | "failed">;
    problem: Generated<string>;
    ended_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
    rows: JsonWithDefault<readonly DrillRow[]>;
  };
  drill_schedules: {
    source: string;
    destination: string;
    every_seconds: number;
    next_at: Time;
    created_by: string;
  };
  local_actions: { workload: string; id: string };
  shadow_hosts: {
    run: Big;
    workload: string;
    policy: Buffer;
    digest: string;
    report: Generated<Buffer | null>;
    reported_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
  };
  proposal: {
    one: Generated<boolean>;
    made_at: TimeWithDefault;
    made_by: string;
    since: string | null;
    kind: "new" | "update";
    resources: Json<readonly Resource[]>;
    edits: Json<readonly Edit[]>;
    fresh: string[];
    report: Json<LearnReport>;
  };
  reviews: {
    id: Generated<number>;
    key: string;
    state: "accepted" | "rejected";
    rejection: Json<Rejection>;
    actor: string;
    time: TimeWithDefault;
  };
};
