-- Flows in ClickHouse SQL; the same for chDB and a ClickHouse server. One statement a paragraph.

-- Who a process is; `id` is 64 bits of the SHA-256 of its fields, so that reports carry 8 bytes of it.
CREATE TABLE IF NOT EXISTS ringwall.processes (
  id             UInt64,
  exe            String,
  exe_sha256     String,
  script         String,
  script_sha256  String,
  unattributable LowCardinality(String),
  user           LowCardinality(String),
  unit           LowCardinality(String),
  container      String,
  image          String,
  package        LowCardinality(String),
  evidence       LowCardinality(String),
  environment    Array(String)
) ENGINE = ReplacingMergeTree ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- One row of an agent's flow batch: what one end saw of connections with the same key in one interval.
-- Partitioned by the day of arrival, so that a batch is one partition and therefore one atomic insert.
CREATE TABLE IF NOT EXISTS ringwall.flow_reports (
  received  DateTime('UTC') CODEC(Delta, LZ4),
  batch     UInt64,
  workload  LowCardinality(String),
  direction Enum8('outbound' = 1, 'inbound' = 2),
  proto     UInt8,
  port      UInt16,
  src       IPv6,
  dst       IPv6,
  -- Loopback addresses mean another machine on every machine: the workload's name there, else empty.
  scope     LowCardinality(String),
  process   UInt64,
  state     Enum8('unknown' = 0, 'established' = 1, 'refused' = 2, 'timeout' = 3, 'denied' = 4),
  verdict   Enum8('allowed' = 1, 'would-block' = 2, 'blocked' = 3),
  rule      LowCardinality(String),
  count     UInt64,
  bytes_out UInt64,
  bytes_in  UInt64,
  first     DateTime64(3, 'UTC') CODEC(Delta, LZ4),
  last      DateTime64(3, 'UTC') CODEC(Delta, LZ4)
) ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (workload, direction, last)
TTL toDate(received) + INTERVAL 30 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Processes seen for the first time, as agents report them.
CREATE TABLE IF NOT EXISTS ringwall.exec_reports (
  received   DateTime('UTC') CODEC(Delta, LZ4),
  batch      UInt64,
  workload   LowCardinality(String),
  process    UInt64,
  parent_exe String,
  time       DateTime64(3, 'UTC') CODEC(Delta, LZ4)
) ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (workload, time)
TTL toDate(received) + INTERVAL 30 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
