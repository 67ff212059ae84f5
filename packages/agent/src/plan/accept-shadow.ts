import { createHash } from "node:crypto";
import { fail, type Problem, type Result } from "@ringwall/model";
import type { HostPolicy } from "@ringwall/policy/lower";
import { SHADOW_SECONDS_MAX } from "@ringwall/protocol/agent";
import { HOST_POLICY_BYTES_MAX, parseHostPolicy } from "./accept-update.ts";

/** A draft as it came from the controller. */
export type ShadowOffer = {
  readonly run: bigint;
  readonly bytes: Uint8Array;
  readonly digest: Uint8Array;
  readonly secondsLeft: number;
};

/**
 * Reads and judges a draft. It need not be within this host's means, as a revision must: nothing is enforced by it.
 */
export function acceptShadow(offer: ShadowOffer, workload: string): Result<HostPolicy> {
  if (!createHash("sha256").update(offer.bytes).digest().equals(offer.digest))
    return fail([
      problem("policy-damaged", "does not have the digest it came with", "start the shadow again"),
    ]);
  if (offer.bytes.length > HOST_POLICY_BYTES_MAX) {
    const message = `has ${offer.bytes.length} bytes, the limit is ${HOST_POLICY_BYTES_MAX}`;
    return fail([problem("policy-too-large", message, "write fewer, wider rules for this workload")]);
  }
  if (offer.secondsLeft > SHADOW_SECONDS_MAX) {
    const message = `is to be judged by for ${offer.secondsLeft} s, the limit is ${SHADOW_SECONDS_MAX} s`;
    return fail([problem("shadow-too-long", message, "start it with a shorter --for")]);
  }
  const parsed = parseHostPolicy(offer.bytes, offer.run);
  if (!parsed.ok || parsed.value.workload === workload) return parsed;
  const message = `is that of \`${parsed.value.workload}\`, this host is \`${workload}\``;
  return fail([problem("policy-of-another", message, "see the controller's log: it mixed up two hosts")]);
}

function problem(code: string, message: string, fix: string): Problem {
  return { code, severity: "error", message: `the draft ${message}`, fix };
}
