import { fail, ok, type ProcessIdentity, type Result } from "@ringwall/model";
import {
  type FetchProofRequest,
  type NumberIdentitiesRequest,
  PROOF_ITEMS_MAX,
  type ProofKeyOffer,
  type ProofReport,
} from "@ringwall/protocol/agent";
import { decodeProcess } from "../ingest/process.ts";
import {
  MUTE_PORTS_MAX,
  PROOF_COUNTS_MAX,
  PROOF_GENERATION_MAX,
  PROOF_KEY_BYTES,
  PROOF_KEYS_MAX,
} from "./limits.ts";
import type { PathCounts } from "./paths.ts";

export type PublicKey = { readonly generation: number; readonly publicKey: Buffer };
export type KeyOffer = {
  readonly keys: readonly PublicKey[];
  readonly mutePorts: readonly number[];
  readonly datagrams: boolean;
};

/** No keys at all: the agent can't prove any more. Two are neighbours, the newest last. */
export function decodeKeyOffer(
  offer: Pick<ProofKeyOffer, "keys" | "mutePorts" | "datagrams">,
): Result<KeyOffer, string> {
  if (offer.keys.length > PROOF_KEYS_MAX) return fail(`more than ${PROOF_KEYS_MAX} keys`);
  const keys: PublicKey[] = [];
  for (const { generation, publicKey } of offer.keys) {
    if (generation < 1 || generation > PROOF_GENERATION_MAX)
      return fail("a key's generation is not 1 to 2^31-1");
    if (publicKey.length !== PROOF_KEY_BYTES) return fail(`a public key has not ${PROOF_KEY_BYTES} bytes`);
    // X25519 with the zero point gives every peer the same known secret.
    if (publicKey.every((byte) => byte === 0)) return fail("a public key is the zero point");
    keys.push({ generation, publicKey: Buffer.from(publicKey) });
  }
  const [first, second] = keys;
  if (first !== undefined && second !== undefined && second.generation !== first.generation + 1)
    return fail("the two keys are not of neighbouring generations, the newest last");
  if (offer.mutePorts.length > MUTE_PORTS_MAX) return fail(`more than ${MUTE_PORTS_MAX} mute ports`);
  if (offer.mutePorts.some((port) => port < 1 || port > 65_535)) return fail("a mute port is not 1 to 65535");
  const mutePorts = [...new Set(offer.mutePorts)].sort((a, b) => a - b);
  return ok({ keys, mutePorts, datagrams: offer.datagrams });
}

export function decodeProcesses({ processes }: NumberIdentitiesRequest): Result<ProcessIdentity[], string> {
  if (processes.length > PROOF_ITEMS_MAX) return fail(`more than ${PROOF_ITEMS_MAX} processes`);
  const decoded: ProcessIdentity[] = [];
  for (const [index, process] of processes.entries()) {
    const one = decodeProcess(process);
    if (!one.ok) return fail(`processes[${index}]: ${one.error}`);
    decoded.push(one.value);
  }
  return ok(decoded);
}

export function decodeFetch(
  request: FetchProofRequest,
): Result<{ version: number; numbers: number[] }, string> {
  if (request.numbers.length > PROOF_ITEMS_MAX) return fail(`more than ${PROOF_ITEMS_MAX} numbers`);
  if (request.version > BigInt(Number.MAX_SAFE_INTEGER)) return fail("a version that no controller gave");
  return ok({ version: Number(request.version), numbers: [...new Set(request.numbers)] });
}

/** What was counted of one peer, in one kind of packets. */
export type ReportedCounts = PathCounts & { readonly datagrams: boolean };

export type DecodedReport = {
  readonly counts: readonly ReportedCounts[];
  /** Of the state that the agent goes on by; null where it does not say. */
  readonly version: number | null;
};

export function decodeProofReport({ counts, version }: ProofReport): Result<DecodedReport, string> {
  if (counts.length > PROOF_COUNTS_MAX) return fail(`more than ${PROOF_COUNTS_MAX} peers`);
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  if (
    counts.some(({ sent, proved, missing, wrong }) =>
      [sent, proved, missing, wrong].some((one) => one > limit),
    )
  )
    return fail("a count beyond 2^53");
  if (version !== undefined && version > limit) return fail("a version that no controller gave");
  const decoded = counts.map(({ peer, sent, proved, missing, wrong, datagrams }) => ({
    peer,
    sent: Number(sent),
    proved: Number(proved),
    missing: Number(missing),
    wrong: Number(wrong),
    datagrams,
  }));
  return ok({ counts: decoded, version: version === undefined ? null : Number(version) });
}
