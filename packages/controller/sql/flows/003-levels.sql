-- How surely the reporting end knew its peer: `in-band` where its kernel checked a proof of the peer's software.
ALTER TABLE ringwall.flow_reports
  ADD COLUMN IF NOT EXISTS known Enum8('unknown' = 0, 'address' = 1, 'in-band' = 2) DEFAULT 'unknown' AFTER verdict;
