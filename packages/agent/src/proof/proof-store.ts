import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ProcessIdentity } from "@ringwall/model";
import { z } from "zod";
import { makeFolder } from "../state/make-folder.ts";
import { saveFile } from "../state/save-file.ts";
import { type KeyRing, newKeyRing } from "./key-ring.ts";
import { formatOwnKey, parseOwnKey } from "./keys.ts";
import type { ProofPeer } from "./pair-keys.ts";

/** What the controller said of the fleet, as it outlives the agent: a host that can't reach it goes on by this. */
export type ProofKnowledge = {
  readonly version: bigint;
  readonly peers: ReadonlyMap<string, ProofPeer>;
  readonly directory: ReadonlyMap<number, ProcessIdentity>;
  /** The controller's clock less this host's, milliseconds. */
  readonly clockMs: number;
};

const KEYS = "proof-keys.json";
const KNOWN = "proof-known.json";

const storedKeys = z.object({
  signing: z.int(),
  madeMs: z.number(),
  keys: z
    .array(z.object({ generation: z.int(), key: z.string() }))
    .min(1)
    .max(2),
});

export const NOTHING_KNOWN: ProofKnowledge = {
  version: 0n,
  peers: new Map(),
  directory: new Map(),
  clockMs: 0,
};

/** Private keys: one file, for root only. */
export async function saveKeyRing(stateDir: string, { keys, signing, madeMs }: KeyRing): Promise<void> {
  const folder = join(stateDir, "identity");
  await makeFolder(folder, 0o700);
  const stored = {
    signing,
    madeMs,
    keys: keys.map((one) => ({ generation: one.generation, key: formatOwnKey(one) })),
  };
  const [file, text] = [join(folder, KEYS), `${JSON.stringify(stored)}\n`];
  // A restart changes nothing, and must work on a full disk.
  if ((await readFile(file, "utf8").catch(() => "")) === text) return;
  await saveFile(file, text, 0o600);
}

/** A new ring where there is none, or none that can be used: peers hear of its keys like of any others. */
export async function loadKeyRing(stateDir: string, nowMs: number): Promise<KeyRing> {
  try {
    const text = await readFile(join(stateDir, "identity", KEYS), "utf8");
    const { signing, madeMs, keys } = storedKeys.parse(JSON.parse(text));
    return { signing, madeMs, keys: keys.map(({ generation, key }) => parseOwnKey(generation, key)) };
  } catch {
    return newKeyRing(nowMs);
  }
}

export async function saveKnowledge(stateDir: string, known: ProofKnowledge): Promise<void> {
  const peers = [...known.peers.values()].map(({ addresses, keys, ...rest }) => ({
    ...rest,
    addresses: addresses.map(toHex),
    keys: keys.map(({ generation, publicKey }) => ({ generation, publicKey: toHex(publicKey) })),
  }));
  const text = JSON.stringify({
    version: String(known.version),
    clockMs: known.clockMs,
    peers,
    directory: [...known.directory],
  });
  await saveFile(join(stateDir, KNOWN), `${text}\n`, 0o600);
}

/** Nothing where the file is missing or damaged: everything in it comes again from the controller. */
export async function loadKnowledge(stateDir: string): Promise<ProofKnowledge> {
  try {
    // Written by this module, replaced in one step.
    const stored = JSON.parse(await readFile(join(stateDir, KNOWN), "utf8")) as {
      readonly version: string;
      readonly clockMs: number;
      readonly peers: readonly (Omit<ProofPeer, "addresses" | "keys"> & {
        readonly addresses: readonly string[];
        readonly keys: readonly { readonly generation: number; readonly publicKey: string }[];
      })[];
      readonly directory: readonly (readonly [number, ProcessIdentity])[];
    };
    const peers = stored.peers.map((peer) => ({
      ...peer,
      addresses: peer.addresses.map(fromHex),
      keys: peer.keys.map(({ generation, publicKey }) => ({ generation, publicKey: fromHex(publicKey) })),
    }));
    // What an older agent left out is asked for again.
    const isWhole = peers.every((peer) => peer.datagramPath !== undefined);
    return {
      version: isWhole ? BigInt(stored.version) : 0n,
      clockMs: stored.clockMs,
      peers: new Map(peers.map((peer) => [peer.workload, peer])),
      directory: new Map(stored.directory),
    };
  } catch {
    return NOTHING_KNOWN;
  }
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}
