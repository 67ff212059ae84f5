import { z } from "zod";
import { RULE_NAME_LENGTH_MAX } from "../limits.ts";
import { API_VERSION, date, labelSelector, name } from "./common.ts";

const oneOrMore = <T extends z.ZodType>(item: T) => z.union([item, z.array(item).min(1)]);
const reference = z.union([oneOrMore(name), z.strictObject({ not: oneOrMore(name) })]);
const cidrBlock = z.union([z.cidrv4(), z.cidrv6()], "Invalid block of addresses");

const workloadFactors = {
  segment: oneOrMore(name).optional(),
  workload: oneOrMore(name).optional(),
  labels: labelSelector.optional(),
  cidr: z
    .union([
      oneOrMore(cidrBlock),
      z.strictObject({ block: cidrBlock, except: z.array(cidrBlock).optional() }),
    ])
    .optional(),
  unmanaged: z.literal(true).optional(),
  internet: z.literal(true).optional(),
};
const processFactors = {
  software: reference.optional(),
  user: oneOrMore(z.string().min(1)).optional(),
  unit: oneOrMore(z.string().min(1)).optional(),
  container: oneOrMore(z.string().min(1)).optional(),
};

/** What an endpoint may say. Factors are ANDed; what is left out matches everything. */
export const sourceEndpoint = z.strictObject({ ...workloadFactors, ...processFactors });
export const destinationEndpoint = z.strictObject({
  ...workloadFactors,
  ...processFactors,
  /** Exact name, or `*.example.com` for exactly one label. */
  fqdn: oneOrMore(z.string().min(1)).optional(),
});

/** `tcp/443`, `tcp/8000-8080`, `tcp/NAME`, `udp/53`, `sctp/…`, `icmp`, `icmp/8`; `tcp` alone is every TCP port. */
export const portSpec = z
  .string()
  .regex(
    /^(?:(?:tcp|udp|sctp)(?:\/[a-z0-9-]+)?|icmp(?:\/\d{1,3})?)$/,
    "`tcp/443`, `tcp/8000-8080`, `tcp/NAME`, `udp/53`, `icmp/8`",
  );

const weekday = z
  .string()
  .regex(/^(?:mon|tue|wed|thu|fri|sat|sun)(?:-(?:mon|tue|wed|thu|fri|sat|sun))?$/, "`mon` or `mon-fri`");
const clock = z.string().regex(/^(?:[01]\d|2[0-4]):[0-5]\d$/, "`07:00`");

/** A daily window in a zone of the IANA database; `to` before `from` spans midnight. */
export const timeWindow = z.strictObject({
  days: z.array(weekday).min(1).optional(),
  from: clock.optional(),
  to: clock.optional(),
  zone: z.string().optional(),
});

const flowMatch = {
  from: sourceEndpoint.optional(),
  to: destinationEndpoint.optional(),
  ports: z.array(portSpec).min(1).optional(),
};
const ruleName = z.string().min(1).max(RULE_NAME_LENGTH_MAX);
const at = z.enum(["both", "source", "destination"]);

export const allowClause = z.strictObject({
  ...flowMatch,
  verified: z.enum(["required", "preferred"]).optional(),
  at: at.optional(),
  when: timeWindow.optional(),
});
export const denyClause = z.strictObject({ ...flowMatch, at: at.optional(), when: timeWindow.optional() });
export const runClause = z.strictObject({ segment: oneOrMore(name), software: oneOrMore(name) });

export const rule = z.union([
  z.strictObject({ name: ruleName, description: z.string().optional(), allow: allowClause }),
  z.strictObject({
    name: ruleName,
    description: z.string().optional(),
    deny: denyClause,
    enforcement: z.enum(["immediate", "with-segment"]).optional(),
  }),
  z.strictObject({ name: ruleName, description: z.string().optional(), run: runClause }),
]);

export const policy = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Policy"),
  metadata: z.strictObject({
    name,
    owner: z.string().optional(),
    description: z.string().optional(),
    expires: date.optional(),
  }),
  spec: z.strictObject({ rules: z.array(rule) }),
});

/** Proved over the whole policy: no workload and software that labels can describe may do what `never` describes. */
export const assertion = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Assertion"),
  // A sentence, as rules have: nothing refers to it.
  metadata: z.strictObject({ name: ruleName, owner: z.string().optional() }),
  spec: z.strictObject({ never: z.strictObject(flowMatch) }),
});

export type SourceEndpoint = z.infer<typeof sourceEndpoint>;
export type DestinationEndpoint = z.infer<typeof destinationEndpoint>;
export type TimeWindow = z.infer<typeof timeWindow>;
export type Rule = z.infer<typeof rule>;
export type Policy = z.infer<typeof policy>;
export type Assertion = z.infer<typeof assertion>;
