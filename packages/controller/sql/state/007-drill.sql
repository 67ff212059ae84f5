-- Drills: attempts through the bypass list between two hosts.

CREATE TABLE drills (
  -- Rising, also over a database that was lost: seconds since 1970 at least.
  run         bigint PRIMARY KEY,
  source      text NOT NULL,
  destination text NOT NULL,
  started_at  timestamptz NOT NULL DEFAULT now(),
  started_by  text NOT NULL,
  state       text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'ended', 'failed')),
  problem     text NOT NULL DEFAULT '',
  ended_at    timestamptz,
  rows        jsonb NOT NULL DEFAULT '[]'
);

CREATE TABLE drill_schedules (
  source        text NOT NULL,
  destination   text NOT NULL,
  every_seconds int NOT NULL,
  next_at       timestamptz NOT NULL,
  created_by    text NOT NULL,
  PRIMARY KEY (source, destination)
);
