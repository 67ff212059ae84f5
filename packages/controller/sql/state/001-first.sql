-- State of the controller. Times are timestamptz; names are checked before they come here, and always bound, never written in.

CREATE TABLE workloads (
  name                   text PRIMARY KEY,
  -- What the token or the agent gave, and what people said since; people's win.
  agent_labels           jsonb NOT NULL DEFAULT '{}',
  labels                 jsonb NOT NULL DEFAULT '{}',
  addresses              text[] NOT NULL DEFAULT '{}',
  resolvers              text[] NOT NULL DEFAULT '{}',
  version                text NOT NULL DEFAULT '',
  enrolled_at            timestamptz NOT NULL DEFAULT now(),
  last_seen              timestamptz,
  -- Generation in force on the host as it last said, and the one that waits there for its confirmation (0: none).
  generation             bigint NOT NULL DEFAULT 0,
  unconfirmed_generation bigint NOT NULL DEFAULT 0,
  problem                text NOT NULL DEFAULT '',
  capabilities           jsonb,
  counters               jsonb NOT NULL DEFAULT '{}',
  listeners              jsonb NOT NULL DEFAULT '[]',
  -- Flows the running agent counted as lost, by cause, and the sum of its earlier runs.
  flows_lost             jsonb NOT NULL DEFAULT '{}',
  flows_lost_before      bigint NOT NULL DEFAULT 0
);

CREATE TABLE certificates (
  serial     text PRIMARY KEY,
  workload   text NOT NULL REFERENCES workloads (name) ON DELETE CASCADE,
  not_after  timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX certificates_workload ON certificates (workload);

CREATE TABLE enrollment_tokens (
  hash       text PRIMARY KEY,
  workload   text,
  labels     jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  expires    timestamptz NOT NULL,
  uses_left  int NOT NULL CHECK (uses_left >= 0)
);

-- INVARIANT: numbers only rise over the controller's life, also across rollback and revert.
CREATE SEQUENCE generations AS bigint;
CREATE SEQUENCE revisions_number AS int;

CREATE TABLE revisions (
  revision  int PRIMARY KEY,
  time      timestamptz NOT NULL DEFAULT now(),
  author    text NOT NULL,
  note      text NOT NULL,
  what      text NOT NULL,
  state     text NOT NULL CHECK (state IN ('unconfirmed', 'live', 'superseded', 'reverted')),
  resources jsonb NOT NULL
);
-- INVARIANT: one revision is live and at most one waits for its confirmation.
CREATE UNIQUE INDEX revisions_one_live ON revisions ((state)) WHERE state = 'live';
CREATE UNIQUE INDEX revisions_one_unconfirmed ON revisions ((state)) WHERE state = 'unconfirmed';
INSERT INTO revisions (revision, author, note, what, state, resources)
VALUES (0, 'ringwall', 'nothing provisioned yet', 'start', 'live', '[]');

-- The change that reverts by itself at `deadline`; one row at most.
CREATE TABLE pending (
  one          boolean PRIMARY KEY DEFAULT true CHECK (one),
  revision     int NOT NULL REFERENCES revisions (revision),
  generation   bigint NOT NULL,
  deadline     timestamptz NOT NULL,
  what         text NOT NULL,
  -- The draft to put back on revert where the change had touched it (mode), with the one it had made.
  draft_before jsonb,
  draft_after  jsonb
);

CREATE TABLE draft (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  files      jsonb NOT NULL,
  based_on   int NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO draft (files, based_on) VALUES ('[]', 0);

-- What each host is to have in force.
CREATE TABLE host_policies (
  workload   text PRIMARY KEY REFERENCES workloads (name) ON DELETE CASCADE,
  generation bigint NOT NULL,
  revision   int NOT NULL,
  digest     text NOT NULL,
  policy     bytea NOT NULL,
  -- Why the newest revision could not be compiled for this host; the former policy stays.
  problem    text NOT NULL DEFAULT '',
  -- While a change waits for its confirmation: the very bytes to put back. A revert must not depend on a compiler.
  former_policy   bytea,
  former_digest   text,
  former_revision int
);

CREATE TABLE sessions (
  hash    text PRIMARY KEY,
  name    text NOT NULL,
  expires timestamptz NOT NULL
);
CREATE TABLE sign_in_links (
  hash    text PRIMARY KEY,
  expires timestamptz NOT NULL
);

CREATE TABLE alerts (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key        text NOT NULL,
  kind       text NOT NULL,
  workload   text,
  message    text NOT NULL,
  rule       text,
  first_time timestamptz NOT NULL,
  last_time  timestamptz NOT NULL,
  count      bigint NOT NULL
);
CREATE INDEX alerts_key ON alerts (key, last_time DESC);
CREATE INDEX alerts_last_time ON alerts (last_time DESC);

CREATE TABLE audit (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time    timestamptz NOT NULL DEFAULT now(),
  actor   text NOT NULL,
  what    text NOT NULL,
  details jsonb NOT NULL DEFAULT '{}'
);

-- Single facts: the CA's fingerprint, …
CREATE TABLE facts (key text PRIMARY KEY, value text NOT NULL);
