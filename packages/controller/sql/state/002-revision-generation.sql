-- The generation a revision was last sent under, so that it is known while no host is enrolled.
ALTER TABLE revisions ADD COLUMN generation bigint NOT NULL DEFAULT 0;
