import { create } from "@bufbuild/protobuf";
import { encodeAddress, type ProcessIdentity, parseAddress } from "@ringwall/model";
import {
  type NumberedIdentity,
  NumberedIdentitySchema,
  ProofPath,
  type ProofPeer,
  ProofPeerSchema,
} from "@ringwall/protocol/agent";
import type { StoredKeys } from "../store/state/proof.ts";
import type { Changes } from "./profiles.ts";

/** A peer as an agent is told of it. */
export function peerMessage(
  workload: string,
  addresses: readonly string[],
  { keys, mutePorts }: Pick<StoredKeys, "keys" | "mutePorts">,
  path: PeerPath,
  datagramPath: PeerPath | null,
  changes: Changes,
): ProofPeer {
  return create(ProofPeerSchema, {
    workload,
    addresses: addresses.flatMap((text) => {
      const address = parseAddress(text);
      return address === null ? [] : [encodeAddress(address)];
    }),
    keys: keys.map(({ generation, publicKey }) => ({ generation, publicKey: new Uint8Array(publicKey) })),
    path: PATHS[path],
    mutePorts: [...mutePorts],
    changesAddresses: changes !== "none",
    changesPorts: changes === "addresses-and-ports",
    datagramPath: datagramPath === null ? ProofPath.UNSPECIFIED : PATHS[datagramPath],
  });
}

type PeerPath = keyof typeof PATHS;

const PATHS = {
  expected: ProofPath.EXPECTED,
  stripped: ProofPath.STRIPPED,
  revoked: ProofPath.REVOKED,
} as const;

/** The factors a number stands for. */
export function identityMessage(number: number, process: ProcessIdentity): NumberedIdentity {
  return create(NumberedIdentitySchema, {
    number,
    process: {
      exe: process.exe,
      exeSha256: process.exeSha256 ?? "",
      script: process.script ?? "",
      scriptSha256: process.scriptSha256 ?? "",
      unattributable: process.unattributable ?? "",
      user: process.user ?? "",
      unit: process.unit ?? "",
      container: process.container ?? "",
      image: process.image ?? "",
      package: process.package ?? "",
      evidence: process.evidence ?? "",
      environment: [...process.environment],
    },
  });
}
