-- Numbers of identities and runs go by the time they begin at, so that a database that is put back from a backup gives none of
-- them out again with another meaning (docs/controller.md).

-- The order in which they were given is not that of the numbers any more.
ALTER TABLE identities ADD COLUMN given_at timestamptz NOT NULL DEFAULT now();
-- Seconds since 1970.
ALTER SEQUENCE proof_runs AS bigint;
