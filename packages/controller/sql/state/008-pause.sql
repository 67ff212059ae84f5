-- Until when a host refuses nothing, by hand; null or past: it enforces.
ALTER TABLE workloads ADD COLUMN paused_until timestamptz;
