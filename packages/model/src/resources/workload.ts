import { z } from "zod";
import { ADDRESSES_PER_WORKLOAD_MAX } from "../limits.ts";
import { API_VERSION, ip, labels, name } from "./common.ts";

export const protocol = z.enum(["tcp", "udp", "sctp", "icmp"]);
export const portNumber = z.int().min(1).max(65535);

/** A port that policies may name: `tcp/http` resolves at the destination through this list. */
export const namedPort = z.strictObject({
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, "lower-case letters, digits and `-`"),
  proto: z.enum(["tcp", "udp", "sctp"]),
  port: portNumber,
});

/** Something that has addresses and labels. Written by agents, imports, or by hand for what carries no agent. */
export const workload = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Workload"),
  metadata: z.strictObject({ name, labels: labels.optional(), owner: z.string().optional() }),
  spec: z.strictObject({
    addresses: z.array(ip).max(ADDRESSES_PER_WORKLOAD_MAX),
    management: z.enum(["agent", "embedded", "none"]).optional(),
    ports: z.array(namedPort).optional(),
  }),
});

export type Protocol = z.infer<typeof protocol>;
export type Workload = z.infer<typeof workload>;
