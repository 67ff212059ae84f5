-- Pairs of hosts with a NAT between them, by both agents' reports: what their proofs leave out (docs/proof.md).
CREATE TABLE proof_profiles (
  a       text NOT NULL REFERENCES workloads (name) ON DELETE CASCADE,
  b       text NOT NULL REFERENCES workloads (name) ON DELETE CASCADE,
  changes text NOT NULL CHECK (changes IN ('addresses', 'addresses-and-ports')),
  PRIMARY KEY (a, b),
  CHECK (a < b)
);
