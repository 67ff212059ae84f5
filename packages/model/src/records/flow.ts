import { z } from "zod";
import { ip, name, path, sha256, unattributable } from "../resources/common.ts";
import { protocol } from "../resources/workload.ts";

/** The same keys at both ends; null and absent both mean "not known". */
const textOrNull = z.string().nullish();

export const evidence = z.enum(["rpm-signed", "deb-repo", "manifest-only"]);

/** One end of a flow: as much of the workload and of the process as is known. */
export const flowEnd = z.strictObject({
  workload: name.nullish(),
  ip: ip.nullish(),
  port: z.int().min(0).max(65535).nullish(),
  fqdn: textOrNull,
  user: textOrNull,
  unit: textOrNull,
  container: textOrNull,
  image: textOrNull,
  /** A Software resource by name, instead of exe/hash. */
  software: name.nullish(),
  exe: path.nullish(),
  exeSha256: sha256.nullish(),
  script: path.nullish(),
  scriptSha256: sha256.nullish(),
  unattributable: unattributable.nullish(),
  package: textOrNull,
  evidence: evidence.nullish(),
  environment: z.array(z.string()).nullish(),
});

export const verification = z.enum(["in-band", "attested", "address", "none"]);
export const flowState = z.enum(["established", "refused", "timeout", "denied"]);
export const outcome = z.enum(["allowed", "would-block", "blocked"]);

const shared = {
  time: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  count: z.int().min(1).optional(),
  reporter: z.enum(["source", "destination", "joined"]).optional(),
  proto: protocol,
  /** The destination's port; `icmpType` instead for ICMP. */
  port: z.int().min(0).max(65535).optional(),
  icmpType: z.int().min(0).max(255).optional(),
  state: flowState.optional(),
  verification: verification.optional(),
  verdict: outcome.optional(),
  src: flowEnd,
  dst: flowEnd,
  bytesOut: z.int().min(0).optional(),
  bytesIn: z.int().min(0).optional(),
};

/** `other`: what has neither ports nor ICMP's types, such as all that only raw and packet sockets send. Rules name no such thing. */
export const flowProtocol = z.enum([...protocol.options, "other"]);

/** What was seen between two ends from `time` until `until`; bytes count from the source's side. */
export const flow = z.strictObject({
  ...shared,
  proto: flowProtocol,
  time: z.iso.datetime({ offset: true }),
});

/**
 * Whether a policy can be asked about it: not where one end is nobody in particular (a program that waits for others, the
 * making of a raw socket), nor where no rule could name the protocol.
 */
export function isAttempt(record: Flow): record is Flow & Attempt {
  return record.proto !== "other" && !isNobody(record.src.ip) && !isNobody(record.dst.ip);
}

/** The unspecified address. */
export function isNobody(address: string | null | undefined): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** The same object as a flow; only `proto`, `src` and `dst` are required. */
export const attempt = z.strictObject(shared);

/** A process seen for the first time. */
export const execRecord = z.strictObject({
  time: z.iso.datetime({ offset: true }),
  workload: name,
  exec: z.strictObject({
    exe: path,
    exeSha256: sha256.nullish(),
    script: path.nullish(),
    scriptSha256: sha256.nullish(),
    unattributable: flowEnd.shape.unattributable,
    user: textOrNull,
    unit: textOrNull,
    container: textOrNull,
    parentExe: path.nullish(),
    package: textOrNull,
    evidence: evidence.nullish(),
    environment: z.array(z.string()).nullish(),
  }),
});

export type Evidence = z.infer<typeof evidence>;
export type FlowEnd = z.infer<typeof flowEnd>;
export type FlowState = z.infer<typeof flowState>;
export type Verification = z.infer<typeof verification>;
export type Outcome = z.infer<typeof outcome>;
export type FlowProtocol = z.infer<typeof flowProtocol>;
export type Flow = z.infer<typeof flow>;
export type Attempt = z.infer<typeof attempt>;
export type ExecRecord = z.infer<typeof execRecord>;
