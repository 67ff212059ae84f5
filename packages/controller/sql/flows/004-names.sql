-- The name that the source's resolver gave for the destination lately; empty where it gave none.
ALTER TABLE ringwall.flow_reports
  ADD COLUMN IF NOT EXISTS fqdn LowCardinality(String) DEFAULT '' AFTER scope;
