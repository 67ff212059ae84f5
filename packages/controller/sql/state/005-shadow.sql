-- Drafts that hosts judged by beside what is in force, without enforcing them.

CREATE TABLE shadow_runs (
  -- Rising, also over a database that was lost: seconds since 1970 at least.
  run        bigint PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT now(),
  started_by text NOT NULL,
  ends_at    timestamptz NOT NULL,
  -- Stopped, or replaced by a newer one, before its end.
  stopped_at timestamptz,
  resources  jsonb NOT NULL
);

CREATE TABLE shadow_hosts (
  run         bigint NOT NULL REFERENCES shadow_runs ON DELETE CASCADE,
  workload    text NOT NULL,
  policy      bytea NOT NULL,
  digest      text NOT NULL,
  -- The host's newest ShadowReport as it came, and checked; each says the whole run.
  report      bytea,
  reported_at timestamptz,
  PRIMARY KEY (run, workload)
);
