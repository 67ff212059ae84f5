-- The proof of software (docs/proof.md): numbers, public keys, paths.

-- A number stands for the factors of one identity for good.
CREATE TABLE identities (
  number   int PRIMARY KEY CHECK (number > 0),
  -- SHA-256 of the factors.
  digest   bytea NOT NULL UNIQUE,
  process  jsonb NOT NULL,
  -- Who asked for it first; no reference, since a number outlives its host.
  workload text NOT NULL
);

-- At most two for each host: the newest, and the one before it.
CREATE TABLE proof_keys (
  workload   text NOT NULL REFERENCES workloads (name) ON DELETE CASCADE,
  generation int NOT NULL,
  public_key bytea NOT NULL,
  offered_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workload, generation)
);
ALTER TABLE workloads ADD COLUMN mute_ports int[] NOT NULL DEFAULT '{}';

-- Hosts that were forgotten while they had keys: what their addresses prove counts for nothing.
CREATE TABLE proof_revoked (
  workload   text PRIMARY KEY,
  addresses  text[] NOT NULL,
  revoked_at timestamptz NOT NULL DEFAULT now()
);

-- Paths on which proofs do not arrive, by both agents' reports; every other path is `expected`.
CREATE TABLE proof_stripped (
  source      text NOT NULL REFERENCES workloads (name) ON DELETE CASCADE,
  destination text NOT NULL REFERENCES workloads (name) ON DELETE CASCADE,
  since       timestamptz NOT NULL,
  PRIMARY KEY (source, destination)
);

-- One value for each run of the controller, so that versions of the agents' directory rise over all of them.
CREATE SEQUENCE proof_runs AS int;
