import { mode, name, softwareEntry } from "@ringwall/model";
import { z } from "zod";

/** Rules on one host; rule ids fit the kernel's 32-bit `rule` field and the flow map's key. */
export const HOST_RULES_MAX = 65_536;
/**
 * Entries of one host's kernel policy map; a policy that needs more is refused when it is compiled. Entries for processes
 * that are met later can't be counted then: the agent puts the same policy into larger maps where its own are full.
 */
export const KERNEL_ENTRIES_MAX = 1_048_576;
/** Prefixes of one host's kernel peer trie. */
export const KERNEL_PEERS_MAX = 262_144;

const u32 = z.int().min(0).max(0xffff_ffff);
const port = z.int().min(0).max(65535);

/** A Software's entry; `upgrades` where the Software follows its package's signed upgrades. */
export const hostSoftwareEntry = softwareEntry.extend({ upgrades: z.literal("signed").optional() });

/** What a process must be. Fields are ANDed, values of one field ORed; `{}` (any known one) only of a peer. */
export const processSelector = z.strictObject({
  /** Names into `HostPolicy.software`; with `not`, every known process that is none of them. */
  software: z.strictObject({ names: z.array(name).min(1), not: z.boolean() }).optional(),
  user: z.array(z.string()).min(1).optional(),
  unit: z.array(z.string()).min(1).optional(),
  container: z.array(z.string()).min(1).optional(),
  /** The Ringwall agent itself, told by the kernel's own mark on its process. */
  agent: z.literal(true).optional(),
});

/**
 * Addresses as prefixes in text form: in any of `include` and in none of `exclude`. With `fqdn`, of those only what the
 * host's resolvers give for one of the names (exact, or `*.` for one label): none until the host knows (`withNames`).
 */
export const addressSet = z.strictObject({
  include: z.array(z.string()),
  exclude: z.array(z.string()),
  fqdn: z.array(z.string().min(1)).min(1).optional(),
});

/** One rule as one host sees it: everything about the peer is an address set, everything about itself a process selector. */
export const hostRule = z.strictObject({
  /** Unique in this host policy; 0 is the default deny. */
  id: z.int().min(1).max(HOST_RULES_MAX),
  /** `POLICY/RULE NAME`, or `essential/WHICH`. */
  name: z.string(),
  direction: z.enum(["outbound", "inbound"]),
  action: z.enum(["allow", "deny"]),
  precedence: z.enum(["essential", "rule"]),
  /** A deny that is refused in every mode. */
  immediate: z.boolean(),
  /** Index into `processSelectors`; null = any process, known or not. */
  process: u32.nullable(),
  /** Index into `addressSets`; null = any address. */
  peer: u32.nullable(),
  /** Null = every protocol and port; ICMP has ports 0..255 that stand for the type. */
  ports: z
    .array(z.strictObject({ proto: z.enum(["tcp", "udp", "sctp", "icmp"]), from: port, to: port }))
    .nullable(),
  /** Peer factors the rule names that this host can't know without a proof, such as `source software`. */
  unproved: z.array(z.string()),
  /**
   * What the peer's process must be, where it can prove it: indices into `processSelectors`, any of which may hold; none
   * of them where nobody can meet it. Absent: the rule asks nothing of it, or this host reads no proofs.
   */
  remote: z.array(u32).optional(),
  /** An allow that holds only for peers that have proved their software. */
  verifiedRequired: z.literal(true).optional(),
});

/**
 * The intermediate representation for one host: what the controller compiles and ships, what the agent lowers to
 * kernel map entries. Self-contained: no label, segment or revision has to be looked up anywhere else.
 */
export const hostPolicy = z.strictObject({
  format: z.literal(1),
  workload: name,
  /** The provisioned revision, as people count them. */
  revision: z.int().min(0),
  modes: z.strictObject({ inbound: mode.nullable(), outbound: mode.nullable(), processes: mode.nullable() }),
  fail: z.enum(["static", "open"]),
  loopback: z.enum(["record", "enforce"]),
  established: z.enum(["keep", "cut"]),
  requires: z.enum(["core", "lsm"]),
  /** The workload's own addresses, so that loopback is recognised; 127.0.0.0/8 and ::1 are added when lowering. */
  selfAddresses: z.array(z.string()),
  /** Prefixes owned by other workloads, for the `managed` mark of the kernel's peer entries. */
  managedAddresses: z.array(z.string()),
  /** What may be executed here, by name into `software`. */
  run: z.array(z.strictObject({ name: z.string(), software: z.array(name) })),
  software: z.record(name, z.array(hostSoftwareEntry)),
  processSelectors: z.array(processSelector),
  addressSets: z.array(addressSet),
  rules: z.array(hostRule),
  /**
   * Allows of inbound rules that mean nobody now: outside their hours, no peer has an address yet, or quarantine. Whoever
   * they speak for may wait for connections, and each of those is judged by `rules`.
   */
  serve: z.array(hostRule.pick({ process: true, ports: true })).optional(),
});

export type ProcessSelector = z.infer<typeof processSelector>;
export type AddressSet = z.infer<typeof addressSet>;
export type HostRule = z.infer<typeof hostRule>;
export type HostPolicy = z.infer<typeof hostPolicy>;
