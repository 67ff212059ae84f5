import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from "node:crypto";

/** One of an agent's own keys. */
export type OwnKey = { readonly generation: number; readonly privateKey: KeyObject };
/** One of a peer's, as the controller says: X25519, 32 bytes. */
export type PeerKey = { readonly generation: number; readonly publicKey: Uint8Array };

const PAIR_KEY_BYTES = 16;
const RAW_KEY_BYTES = 32;
/** DER around a raw X25519 public key: SubjectPublicKeyInfo (RFC 8410). */
const SPKI_PREFIX = Buffer.from("302a300506032b656e032100", "hex");

export function createOwnKey(generation: number): OwnKey {
  return { generation, privateKey: generateKeyPairSync("x25519").privateKey };
}

/** The raw public half, 32 bytes. */
export function publicKeyOf({ privateKey }: OwnKey): Uint8Array {
  const der = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  return new Uint8Array(der.subarray(der.length - RAW_KEY_BYTES));
}

/** For the state file only. */
export function formatOwnKey({ privateKey }: OwnKey): string {
  return privateKey.export({ type: "pkcs8", format: "der" }).toString("base64");
}

/** Throws where the text is no X25519 key. */
export function parseOwnKey(generation: number, text: string): OwnKey {
  const privateKey = createPrivateKey({ key: Buffer.from(text, "base64"), type: "pkcs8", format: "der" });
  if (privateKey.asymmetricKeyType !== "x25519") throw new Error("not an X25519 key");
  return { generation, privateKey };
}

/** Who speaks to whom: workload names and key generations of both. */
export type PairDirection = {
  readonly sender: { readonly workload: string; readonly generation: number };
  readonly receiver: { readonly workload: string; readonly generation: number };
};

/** What two keys have in common, 32 bytes. Throws where the public key is none (X25519 gives 0 for a few points). */
export function sharedSecret(own: OwnKey, peer: PeerKey): Uint8Array {
  const publicKey = createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, peer.publicKey]),
    type: "spki",
    format: "der",
  });
  const secret = diffieHellman({ privateKey: own.privateKey, publicKey });
  if (secret.every((byte) => byte === 0)) throw new Error("the public key shares no secret");
  return new Uint8Array(secret);
}

/** The SipHash key for one direction of one pair (docs/proof.md, "Keys"), 16 bytes. */
export function pairKey(secret: Uint8Array, { sender, receiver }: PairDirection): Uint8Array {
  const generations = Buffer.alloc(8);
  generations.writeUInt32BE(sender.generation, 0);
  generations.writeUInt32BE(receiver.generation, 4);
  const names = Buffer.from(`ringwall proof v1\0${sender.workload}\0${receiver.workload}\0`);
  const info = Buffer.concat([names, generations]);
  return new Uint8Array(hkdfSync("sha256", secret, Buffer.alloc(0), info, PAIR_KEY_BYTES));
}
