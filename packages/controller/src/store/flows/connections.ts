import type { FlowState, Outcome } from "@ringwall/model";
import type { FlowEngine } from "./engine/engine.ts";
import type { ProcessId } from "./process.ts";

/** Rows one question may bring back; `truncated` says that there were more. */
export const CONNECTION_ROWS_MAX = 1_000_000;
/** Two ends report the same connection at different moments; so far apart they still belong together. */
const REPORT_LAG_MS = 120_000;

/** Connections between two ends that agree in all these, each connection counted once. Times in milliseconds since 1970. */
export type Connection = {
  /** The reporting workload, the owner of the address, or the address. */
  readonly src_party: string;
  readonly dst_party: string;
  /** Empty where the end has no agent that reported. */
  readonly src_workload: string;
  readonly dst_workload: string;
  /** IPv6 text; IPv4 as `::ffff:a.b.c.d`. */
  readonly src: string;
  readonly dst: string;
  readonly proto: number;
  readonly port: number;
  readonly src_process: ProcessId;
  readonly dst_process: ProcessId;
  readonly state: FlowState | "unknown";
  readonly verdict: Outcome;
  readonly rule: string;
  /** The destination's name as the source's resolver gave it; empty where none is known. */
  readonly fqdn: string;
  /** The weakest of what the receiving end knew of its peer, or the only end that reported. */
  readonly known: "unknown" | "address" | "in-band";
  readonly reporter: "source" | "destination" | "joined";
  readonly count: number;
  readonly bytes_out: number;
  readonly bytes_in: number;
  readonly first_ms: number;
  readonly last_ms: number;
  readonly days: number;
};

export type ConnectionQuery = {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Width of the time slots within which the two ends' reports are matched. */
  readonly slotSeconds: number;
  /** One row for each slot (a list of flows), or one for the whole time (edges). */
  readonly perSlot: boolean;
  /** Only connections that this workload is an end of. */
  readonly workload?: string;
  /** Who owns an address now; addresses of several owners are left out. */
  readonly owners: ReadonlyMap<string, string>;
  readonly verdict?: Outcome;
  /** Only connections that at least one end reported as something else than allowed; the rest is never joined. */
  readonly deniedOnly?: boolean;
  readonly limit: number;
};

/** What was seen, with both ends' reports joined: the source's row gets the destination's process from its own report. */
export async function loadConnections(
  engine: FlowEngine,
  query: ConnectionQuery,
): Promise<{ readonly connections: readonly Connection[]; readonly truncated: boolean }> {
  const limit = Math.min(query.limit, CONNECTION_ROWS_MAX);
  const connections = await engine.query<Connection>(connectionsSql(query), {
    from: query.fromMs,
    until: query.untilMs,
    lag: REPORT_LAG_MS,
    slot: query.slotSeconds * 1000,
    limit: limit + 1,
    workload: query.workload ?? "",
    // ClickHouse refuses empty lists here, and `::` is nobody's address.
    addresses: ["::", ...query.owners.keys()],
    owners: ["::", ...query.owners.values()],
    verdict: query.verdict ?? "",
  });
  return { connections: connections.slice(0, limit), truncated: connections.length > limit };
}

const KEY = "src_party, dst_party, proto, port";
const SLOT = "intDiv(toUnixTimestamp64Milli(last), {slot:UInt64})";
/** The workload that owns an address, else the address; loopback is the reporting host's own. */
const partyOf = (column: string) =>
  `if(scope != '', scope, transform(toString(${column}), {addresses:Array(String)}, {owners:Array(String)}, toString(${column})))`;
const SUMS =
  "sum(count) AS n, sum(bytes_out) AS sent, sum(bytes_in) AS got, min(first) AS t0, max(last) AS t1, min(toInt8(known)) AS sure, max(fqdn) AS named";
const WHAT = "src, dst, process, state, verdict, rule";

/*
 * An agent knows its own name and its peer's address for sure, its own address towards that peer less so. So the ends of
 * a connection are told by party: the reporting workload itself, and the owner of the peer's address.
 *
 * outbound ─ grouped by key, process, verdict, …, slot ─┐
 *   joined with  inbound of the same key and slot       ├─ one row for each connection group
 *   else with    inbound of the same key at any time    │
 * inbound  ─ of keys and slots (±1) with no outbound ───┘
 * A connection that the source let out and the destination refused is the destination's verdict; one that came to be
 * (established) can't have been refused, only have been passed by the mode.
 */
function connectionsSql(query: ConnectionQuery): string {
  const denied = query.deniedOnly === true ? deniedKeysSql() : "";
  const only = denied === "" ? "" : `AND (${KEY}) IN denied`;
  const bySlot = query.perSlot ? ", slot" : "";
  const filters = [
    ...(query.workload === undefined
      ? []
      : ["(src_party = {workload:String} OR dst_party = {workload:String})"]),
    ...(query.verdict === undefined ? [] : ["verdict = {verdict:String}"]),
  ];
  return `
WITH
${denied}outs AS (
  SELECT workload AS src_party, ${partyOf("dst")} AS dst_party, proto, port, ${SLOT} AS slot, ${WHAT}, ${SUMS}
  FROM ringwall.flow_reports
  WHERE direction = 'outbound'
    AND last >= fromUnixTimestamp64Milli({from:Int64}) AND last < fromUnixTimestamp64Milli({until:Int64}) ${only}
  GROUP BY ${KEY}, slot, ${WHAT}
),
ins AS (
  SELECT ${partyOf("src")} AS src_party, workload AS dst_party, proto, port, ${SLOT} AS slot, ${WHAT}, ${SUMS}
  FROM ringwall.flow_reports
  WHERE direction = 'inbound'
    AND last >= fromUnixTimestamp64Milli({from:Int64} - {lag:Int64})
    AND last < fromUnixTimestamp64Milli({until:Int64} + {lag:Int64}) ${only}
  GROUP BY ${KEY}, slot, ${WHAT}
),
near AS (
  SELECT ${KEY}, slot, max(toInt8(verdict)) AS worst, argMax(rule, toInt8(verdict)) AS worst_rule,
    maxIf(toInt8(verdict), verdict != 'blocked') AS passed,
    argMaxIf(rule, toInt8(verdict), verdict != 'blocked') AS passed_rule,
    min(sure) AS worst_sure, minIf(sure, verdict != 'blocked') AS passed_sure
  FROM ins GROUP BY ${KEY}, slot
),
ever AS (
  SELECT ${KEY}, 1 AS reported, argMax(src, t1) AS seen_src, argMaxIf(process, t1, process != 0) AS listener
  FROM ins GROUP BY ${KEY}
),
covered AS (SELECT DISTINCT ${KEY}, arrayJoin([slot - 1, slot, slot + 1]) AS slot FROM outs),
joined AS (
  SELECT src_party, dst_party, src_party AS src_workload, if(reported = 1, dst_party, '') AS dst_workload,
    if(reported = 1, seen_src, outs.src) AS src, outs.dst AS dst, proto, port,
    outs.process AS src_process, ever.listener AS dst_process, outs.state AS state, outs.slot AS slot,
    greatest(toInt8(outs.verdict), if(outs.state = 'established', near.passed, near.worst)) AS level,
    if(level > toInt8(outs.verdict), if(outs.state = 'established', near.passed_rule, near.worst_rule), outs.rule) AS rule,
    if(reported = 1 AND outs.verdict != 'blocked', 'joined', 'source') AS reporter,
    if(reporter = 'source', outs.sure, if(outs.state = 'established', near.passed_sure, near.worst_sure)) AS surely,
    outs.named AS name, n, sent, got, t0, t1
  FROM outs LEFT JOIN ever USING (${KEY}) LEFT JOIN near USING (${KEY}, slot)
  UNION ALL
  SELECT src_party, dst_party, '' AS src_workload, dst_party AS dst_workload, src, dst, proto, port,
    toUInt64(0) AS src_process, process AS dst_process, state, slot,
    toInt8(verdict) AS level, rule, 'destination' AS reporter, sure AS surely, '' AS name, n, sent, got, t0, t1
  FROM ins LEFT ANTI JOIN covered USING (${KEY}, slot)
  WHERE t1 >= fromUnixTimestamp64Milli({from:Int64}) AND t1 < fromUnixTimestamp64Milli({until:Int64})
)
SELECT src_party, dst_party, src_workload, dst_workload, toString(src) AS src, toString(dst) AS dst, proto, port,
  toString(src_process) AS src_process, toString(dst_process) AS dst_process, toString(state) AS state,
  transform(level, [1, 2, 3], ['allowed', 'would-block', 'blocked'], '') AS verdict, rule, reporter,
  transform(min(surely), [1, 2], ['address', 'in-band'], 'unknown') AS known, max(name) AS fqdn,
  sum(n) AS count, sum(sent) AS bytes_out, sum(got) AS bytes_in,
  toUnixTimestamp64Milli(min(t0)) AS first_ms, toUnixTimestamp64Milli(max(t1)) AS last_ms, uniqExact(toDate(t1)) AS days
FROM joined
GROUP BY src_party, dst_party, src_workload, dst_workload, src, dst, proto, port, src_process, dst_process, state, level,
  rule, reporter${bySlot}
${filters.length === 0 ? "" : `HAVING ${filters.join(" AND ")}`}
ORDER BY last_ms DESC, src, dst, proto, port, src_process, dst_process, state, verdict, rule
LIMIT {limit:UInt32}`;
}

/** The keys of which an end reported a deny: few, where the policy fits. */
function deniedKeysSql(): string {
  const keysOf = (direction: string, source: string, destination: string) => `
  SELECT ${source} AS src_party, ${destination} AS dst_party, proto, port FROM ringwall.flow_reports
  WHERE direction = '${direction}' AND verdict != 'allowed'
    AND last >= fromUnixTimestamp64Milli({from:Int64} - {lag:Int64})
    AND last < fromUnixTimestamp64Milli({until:Int64} + {lag:Int64})`;
  return `denied AS (${keysOf("outbound", "workload", partyOf("dst"))}
  UNION DISTINCT ${keysOf("inbound", partyOf("src"), "workload")}
),
`;
}
