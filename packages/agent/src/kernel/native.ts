/** The N-API addon, typed, with its negative errno numbers turned into `KernelError`. */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { getSystemErrorName } from "node:util";
import { KernelError } from "./kernel-error.ts";

export interface MapShape {
  readonly type: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly entries: number;
}

export interface RingReader {
  /** Hands over what was read, and nothing after that. */
  close(): void;
}

/** What a `DeviceWatch` tells. */
export const deviceChange = { came: 0, gone: 1, bared: 2 } as const;

/** Functions return a descriptor or 0, and a negative errno on failure. */
interface Addon {
  open(path: string): number;
  openById(id: number): number;
  close(fd: number): number;
  /** Of a link: 1 or 0. */
  isAttached(fd: number): number;
  create(
    type: number,
    keyBytes: number,
    valueBytes: number,
    entries: number,
    flags: number,
    name: string,
  ): number;
  lookup(fd: number, key: Uint8Array, value: Uint8Array): number;
  update(fd: number, key: Uint8Array, value: Uint8Array, flags: number): number;
  delete(fd: number, key: Uint8Array): number;
  nextKey(fd: number, key: Uint8Array | null, next: Uint8Array): number;
  describe(fd: number): MapShape | number;
  updateMany(fd: number, keys: Uint8Array, values: Uint8Array, count: number): number;
  take(fd: number, keys: Uint8Array, values: Uint8Array, room: number): number;
  read(fd: number, keys: Uint8Array, values: Uint8Array, room: number): number;
  insertMap(outer: number, index: number, inner: number): Promise<number>;
  removeMap(outer: number, index: number): Promise<number>;
  bootNs(): bigint;
  releaseMemory(): number;
  readonly Ring: new (fd: number, capacityBytes: number, deliver: (batch: Buffer) => void) => RingReader;
  readonly DeviceWatch: new (
    netns: string,
    tell: (change: number, device: number) => void,
  ) => { close(): void };
}

/** Where `make -C packages/agent build` puts it. */
export const ADDON_PATH = fileURLToPath(new URL("../../build/ringwall.node", import.meta.url));

let loaded: Addon | undefined;

/** The addon; loaded at the first use, so that the pure parts of the agent work without it. */
export function native(): Addon {
  // createRequire is the only way to load a .node file from an ES module; its shape is the interface above.
  loaded ??= createRequire(import.meta.url)(ADDON_PATH) as Addon;
  return loaded;
}

export const errno = { ENOENT: -2, EEXIST: -17 } as const;

/** Passes a result through, or throws what the kernel said. */
export function check(operation: string, result: number): number {
  if (result >= 0) return result;
  throw new KernelError(operation, getSystemErrorName(result));
}
