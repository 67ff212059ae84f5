-- Proofs behind datagrams (docs/proof.md): who carries them, and where they do not arrive.

ALTER TABLE workloads ADD COLUMN proves_datagrams boolean NOT NULL DEFAULT false;

ALTER TABLE proof_stripped ADD COLUMN datagrams boolean NOT NULL DEFAULT false;
ALTER TABLE proof_stripped DROP CONSTRAINT proof_stripped_pkey;
ALTER TABLE proof_stripped ADD PRIMARY KEY (source, destination, datagrams);
