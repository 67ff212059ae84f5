import {
  API_VERSION,
  type Attempt,
  type LabelSelector,
  type Policy,
  type ProcessIdentity,
  type Resource,
  type Segment,
  type Software,
  type TimeWindow,
  type Workload,
} from "@ringwall/model";
import fc from "fast-check";
import type { EssentialConfig } from "../policy-set/essential.ts";

/** Small worlds in which everything meets everything: few names, few addresses, few ports, so that rules often overlap. */

const VALUES = ["a", "b"] as const;
export const KEYS = ["app", "role"] as const;
export const PORTS = [22, 53, 67, 68, 80, 81, 443, 5432, 8080] as const;
export const ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1", "fd00::1", "fd00::2"] as const;
export const OUTSIDE = [
  "8.8.8.8",
  "10.9.9.9",
  "192.168.7.7",
  "2600::7",
  "127.0.0.1",
  "::1",
  "255.255.255.255",
] as const;
const DIGEST_A = "a".repeat(64);
const DIGEST_B = "b".repeat(64);
const SEGMENTS = ["s0", "s1", "s2"] as const;
const WORKLOADS = ["w0", "w1", "w2", "w3"] as const;
const SOFTWARE = ["x0", "x1", "x2"] as const;
const MISSING = "missing";

const some = <T>(values: readonly T[]) => fc.constantFrom(...values);
const value = some(VALUES);
const orMissing = <T extends string>(names: readonly T[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 12, arbitrary: some<string>(names) }, { weight: 1, arbitrary: fc.constant(MISSING) });
const oneOrMore = (one: fc.Arbitrary<string>) =>
  fc.oneof(one, fc.uniqueArray(one, { minLength: 1, maxLength: 2 }));

const labels = fc
  .record({ app: fc.option(value, { nil: undefined }), role: fc.option(value, { nil: undefined }) })
  .map(
    (map): Record<string, string> =>
      Object.fromEntries(
        Object.entries(map).filter((pair): pair is [string, "a" | "b"] => pair[1] !== undefined),
      ),
  );

export const labelSelector: fc.Arbitrary<LabelSelector> = fc.dictionary(
  some(KEYS),
  fc.oneof(
    value,
    fc.uniqueArray(value, { minLength: 1 }),
    fc.record({ not: value }),
    fc.record({ exists: fc.boolean() }),
  ),
  { maxKeys: 2 },
);

const workload = (name: string): fc.Arbitrary<Workload> =>
  fc
    .record({
      labels,
      addresses: fc.uniqueArray(some(ADDRESSES), { minLength: 1, maxLength: 2 }),
      management: fc.oneof(
        { weight: 5, arbitrary: fc.constant("agent" as const) },
        { weight: 1, arbitrary: fc.constant("none" as const) },
      ),
      port: some(PORTS),
    })
    .map(({ labels, addresses, management, port }) => ({
      apiVersion: API_VERSION,
      kind: "Workload",
      metadata: { name, labels },
      spec: { addresses: [...addresses], management, ports: [{ name: "web", proto: "tcp", port }] },
    }));

const mode = some(["observe", "alert", "block"] as const);
const segment = (name: string): fc.Arbitrary<Segment> =>
  fc
    .record({
      workloads: labelSelector,
      modes: fc.record({ inbound: mode, outbound: mode, processes: mode }, { requiredKeys: [] }),
      loopback: some(["record", "enforce"] as const),
    })
    .map((spec) => ({ apiVersion: API_VERSION, kind: "Segment", metadata: { name }, spec }));

const digest: fc.Arbitrary<string | string[]> = fc.oneof(
  some([DIGEST_A, DIGEST_B]),
  fc.constant<string[]>([DIGEST_A, DIGEST_B]),
);
const software = (name: string): fc.Arbitrary<Software> =>
  fc
    .array(
      fc
        .record({
          executable: fc.record({ path: some(["/bin/p", "/bin/q"]), sha256: digest }, { requiredKeys: [] }),
          script: fc.option(fc.record({ path: some(["/s", "/t"]) }), { nil: undefined }),
        })
        .map(({ executable, script }) => ({
          executable: Object.keys(executable).length > 0 ? executable : { path: "/bin/p" },
          ...(script === undefined ? {} : { script }),
        })),
      { minLength: 1, maxLength: 2 },
    )
    .map((anyOf) => ({ apiVersion: API_VERSION, kind: "Software", metadata: { name }, spec: { anyOf } }));

const cidr: fc.Arbitrary<string | { block: string; except: string[] }> = fc.oneof(
  some<string>(["10.0.0.0/24", "10.0.0.2/32", "0.0.0.0/0", "::/0", "fd00::/8", "10.0.0.0/8"]),
  fc.constant<{ block: string; except: string[] }>({ block: "10.0.0.0/8", except: ["10.0.0.2/32"] }),
);

const endpoint = fc.record(
  {
    segment: oneOrMore(orMissing(SEGMENTS)),
    workload: oneOrMore(orMissing(WORKLOADS)),
    labels: labelSelector,
    cidr,
    unmanaged: fc.constant(true as const),
    internet: fc.constant(true as const),
    software: fc.oneof(oneOrMore(orMissing(SOFTWARE)), fc.record({ not: oneOrMore(orMissing(SOFTWARE)) })),
    user: some(["root", "web"]),
    unit: some(["u.service"]),
  },
  { requiredKeys: [] },
);
/** Mostly one factor or two: with more of them nothing ever matches. */
const sparse = fc
  .tuple(
    endpoint,
    fc.uniqueArray(
      some([
        "segment",
        "workload",
        "labels",
        "cidr",
        "unmanaged",
        "internet",
        "software",
        "user",
        "unit",
      ] as const),
      { maxLength: 2 },
    ),
  )
  .map(
    ([full, keys]) =>
      Object.fromEntries(
        Object.entries(full).filter(([key]) => keys.some((one) => one === key)),
      ) as typeof full,
  );

const portSpec = fc.oneof(
  some(PORTS).map((port) => `tcp/${port}`),
  some([
    "tcp",
    "tcp/80-443",
    "tcp/web",
    "udp/web",
    "udp/53",
    "udp/67",
    "udp",
    "icmp",
    "icmp/8",
    "icmp/3",
    "sctp/80",
    "tcp/0-1023",
  ]),
);
const when = fc.constant<TimeWindow>({
  days: ["mon-fri"],
  from: "07:00",
  to: "19:00",
  zone: "Europe/Berlin",
});
const match = fc.record(
  {
    from: sparse,
    to: sparse,
    ports: fc.uniqueArray(portSpec, { minLength: 1, maxLength: 3 }),
    at: some(["both", "both", "source", "destination"] as const),
  },
  { requiredKeys: [] },
);
const withWindow = fc
  .tuple(match, fc.integer({ min: 0, max: 9 }), when)
  .map(([one, dice, window]) => (dice === 0 ? { ...one, when: window } : one));

const rule = (name: string): fc.Arbitrary<Policy["spec"]["rules"][number]> =>
  fc.oneof(
    { weight: 3, arbitrary: withWindow.map((allow) => ({ name, allow })) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(withWindow, some(["immediate", "with-segment"] as const))
        .map(([deny, enforcement]) => ({ name, deny, enforcement })),
    },
  );

const policy = (name: string): fc.Arbitrary<Policy> =>
  fc
    .record({
      rules: fc
        .integer({ min: 0, max: 5 })
        .chain((n) => fc.tuple(...Array.from({ length: n }, (_, i) => rule(`r${i}`)))),
      expires: fc.option(some(["2026-01-01", "2030-01-01"]), { nil: undefined, freq: 4 }),
    })
    .map(({ rules, expires }) => ({
      apiVersion: API_VERSION,
      kind: "Policy",
      metadata: { name, ...(expires === undefined ? {} : { expires }) },
      spec: { rules: [...rules] },
    }));

export const workloads: fc.Arbitrary<readonly Workload[]> = fc.tuple(...WORKLOADS.map(workload));

/** Segments, software and policies; workloads come separately, as from an inventory. */
export const policyResources: fc.Arbitrary<readonly Resource[]> = fc
  .tuple(
    fc.tuple(...SEGMENTS.map(segment)),
    fc.tuple(...SOFTWARE.map(software)),
    fc.tuple(policy("p0"), policy("p1")),
  )
  .map((parts) => parts.flat());

export const identity: fc.Arbitrary<ProcessIdentity> = fc.record({
  exe: some(["/bin/p", "/bin/q", "/bin/r"]),
  exeSha256: some([DIGEST_A, DIGEST_B, null]),
  script: some(["/s", "/t", null]),
  scriptSha256: fc.constant(null),
  unattributable: fc.constant(null),
  user: some(["root", "web", null]),
  unit: some(["u.service", null]),
  container: fc.constant(null),
  image: fc.constant(null),
  package: fc.constant(null),
  evidence: fc.constant(null),
  environment: some([[], [], ["LD_PRELOAD=/evil.so"]]),
});

export const essential: fc.Arbitrary<EssentialConfig> = fc.record({
  controller: fc.constantFrom(
    null,
    { addresses: ["10.0.0.3"], port: 8443 },
    { addresses: ["127.0.0.1"], port: 443 },
  ),
  resolvers: fc.constantFrom([], ["10.0.0.2"], ["8.8.8.8"]),
  dhcp: fc.boolean(),
  management: fc.constantFrom([], [{ cidrs: ["192.168.0.0/16"], ports: ["tcp/22"] }]),
});

export const channel = fc.oneof(
  fc.record({
    proto: some(["tcp", "udp", "sctp"] as const),
    port: fc.oneof(some<number>(PORTS), fc.integer({ min: 0, max: 65535 })),
  }),
  fc.record({ proto: fc.constant("icmp" as const), port: some([0, 3, 8, 134]) }),
);
/** Monday, 10:00 in Berlin. */
export const WORK_TIME_MS = Date.parse("2026-11-16T09:00:00Z");

const endOfAttempt: fc.Arbitrary<Attempt["src"]> = fc
  .record({
    workload: fc.option(some([...WORKLOADS]), { nil: undefined, freq: 3 }),
    ip: fc.option(some([...ADDRESSES, ...OUTSIDE]), { nil: undefined, freq: 2 }),
    process: fc.oneof(
      fc.constant({}),
      identity.map((one) => ({ ...one, environment: [...one.environment] })),
      some(SOFTWARE).map((software) => ({ software })),
    ),
  })
  .map(({ workload, ip, process }) => ({
    ...(workload === undefined ? {} : { workload }),
    ...(ip === undefined ? {} : { ip }),
    ...process,
  }));

/** Attempts of every shape: named and unnamed ends, foreign and shared addresses, known and unknown processes. */
export const attempt: fc.Arbitrary<Attempt> = fc
  .record({
    src: endOfAttempt,
    dst: endOfAttempt,
    channel,
    time: fc.option(some(["2026-11-16T09:00:00Z", "2026-11-15T23:00:00Z"]), { nil: undefined }),
    verification: fc.option(some(["in-band", "attested", "address"] as const), { nil: undefined }),
    state: fc.option(fc.constant("established" as const), { nil: undefined }),
  })
  .map(({ src, dst, channel: { proto, port }, time, verification, state }) => ({
    proto,
    ...(proto === "icmp" ? { icmpType: port } : { port }),
    src,
    dst,
    ...(time === undefined ? {} : { time }),
    ...(verification === undefined ? {} : { verification }),
    ...(state === undefined ? {} : { state }),
  }));
