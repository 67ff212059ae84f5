-- Which program was seen on which workload, and when: a few rows for each program, so that the list of software never
-- reads the flows.
CREATE TABLE IF NOT EXISTS ringwall.sightings (
  process  UInt64,
  workload LowCardinality(String),
  first    SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
  last     SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
) ENGINE = AggregatingMergeTree ORDER BY (process, workload);

CREATE MATERIALIZED VIEW IF NOT EXISTS ringwall.sightings_of_flows TO ringwall.sightings AS
SELECT process, workload, min(flow_reports.first) AS first, max(flow_reports.last) AS last
FROM ringwall.flow_reports WHERE process != 0 GROUP BY process, workload;

CREATE MATERIALIZED VIEW IF NOT EXISTS ringwall.sightings_of_execs TO ringwall.sightings AS
SELECT process, workload, min(time) AS first, max(time) AS last
FROM ringwall.exec_reports GROUP BY process, workload;

-- Whether a batch is there is asked for old batches after a start.
ALTER TABLE ringwall.flow_reports ADD INDEX IF NOT EXISTS by_batch batch TYPE bloom_filter GRANULARITY 1;

ALTER TABLE ringwall.exec_reports ADD INDEX IF NOT EXISTS by_batch batch TYPE bloom_filter GRANULARITY 1;
