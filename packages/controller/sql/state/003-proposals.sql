-- What the learner proposed last for the draft, and what people said of proposed rules.

-- The newest proposal that went into the draft; one row at most.
CREATE TABLE proposal (
  one       boolean PRIMARY KEY DEFAULT true CHECK (one),
  made_at   timestamptz NOT NULL DEFAULT now(),
  made_by   text NOT NULL,
  since     text,
  kind      text NOT NULL CHECK (kind IN ('new', 'update')),
  -- Every resource that the draft had with it; the names in its rules mean these.
  resources jsonb NOT NULL,
  edits     jsonb NOT NULL,
  -- Segments that the draft did not have before.
  fresh     text[] NOT NULL,
  report    jsonb NOT NULL
);

-- A person's word on a rule as it was proposed; what is rejected is not proposed again.
CREATE TABLE reviews (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Digest of policy and rule: a rule that changed since is another, and open again.
  key       text NOT NULL UNIQUE,
  state     text NOT NULL CHECK (state IN ('accepted', 'rejected')),
  rejection jsonb NOT NULL,
  actor     text NOT NULL,
  time      timestamptz NOT NULL DEFAULT now()
);
