/** One map by its descriptor. Keys and values are views that the caller encodes and decodes. */
import { createGate } from "../gate.ts";
import { KernelError } from "./kernel-error.ts";
import { check, errno, type MapShape, native } from "./native.ts";

export const mapType = { hash: 1, lpmTrie: 11 } as const;
const NO_PREALLOC = 1;
/** Entries taken out of a map in one go. */
const TAKE_ENTRIES = 2048;
/** A hash bucket is far shorter than this: when more room is left, the map is empty. */
const BUCKET_ENTRIES_MAX = 64;
/** Changes to maps of maps that wait for the kernel's programs together, each on a thread of its own. */
const KERNEL_WAITS_MAX = 64;
const inKernel = createGate(KERNEL_WAITS_MAX);
const UPDATE_ANY = 0;
const UPDATE_NOEXIST = 1;
const CLOSED = -1;

export class KernelMap {
  readonly name: string;
  readonly shape: MapShape;
  #fd: number;

  constructor(name: string, fd: number) {
    this.name = name;
    this.#fd = fd;
    const shape = native().describe(fd);
    if (typeof shape === "number") throw check(`describe map ${name}`, shape);
    this.shape = shape;
  }

  get fd(): number {
    return this.#fd;
  }

  static openPinned(pinDir: string, name: string): KernelMap {
    return new KernelMap(name, check(`open map ${name}`, native().open(`${pinDir}/maps/${name}`)));
  }

  /** A map that nothing holds but its descriptor, until it is put into a map of maps. */
  static create(
    name: string,
    type: number,
    keyBytes: number,
    valueBytes: number,
    entries: number,
  ): KernelMap {
    const flags = type === mapType.lpmTrie ? NO_PREALLOC : 0;
    const fd = native().create(type, keyBytes, valueBytes, Math.max(entries, 1), flags, name);
    return new KernelMap(name, check(`create map ${name}`, fd));
  }

  get(key: DataView): DataView | undefined {
    const value = new Uint8Array(this.shape.valueBytes);
    const result = native().lookup(this.fd, bytesOf(key), value);
    if (result === errno.ENOENT) return undefined;
    check(`look up ${this.name}`, result);
    return new DataView(value.buffer);
  }

  set(key: DataView, value: DataView): void {
    check(`update ${this.name}`, native().update(this.fd, bytesOf(key), bytesOf(value), UPDATE_ANY));
  }

  /** False when the key was there. */
  add(key: DataView, value: DataView): boolean {
    const result = native().update(this.fd, bytesOf(key), bytesOf(value), UPDATE_NOEXIST);
    if (result === errno.EEXIST) return false;
    check(`add to ${this.name}`, result);
    return true;
  }

  /** False when the key was not there. */
  delete(key: DataView): boolean {
    const result = native().delete(this.fd, bytesOf(key));
    if (result === errno.ENOENT) return false;
    check(`delete from ${this.name}`, result);
    return true;
  }

  /** Sets `count` entries laid out one after the other. */
  setMany(keys: Uint8Array, values: Uint8Array, count: number): void {
    if (count > 0) check(`update ${this.name}`, native().updateMany(this.fd, keys, values, count));
  }

  /** Every per-CPU value of an entry, in order of the CPUs. */
  getPerCpu(key: DataView, cpus: number): DataView {
    const value = new Uint8Array(Math.ceil(this.shape.valueBytes / 8) * 8 * cpus);
    check(`look up ${this.name}`, native().lookup(this.fd, bytesOf(key), value));
    return new DataView(value.buffer);
  }

  /**
   * The keys, each a fresh view. Deleting while iterating is fine; what the kernel adds or removes meanwhile may be
   * missed or, rarely, make the iteration start over, so it ends after twice the map's capacity.
   */
  *keys(): Generator<DataView> {
    let key: Uint8Array | null = null;
    for (let left = 2 * this.shape.entries; left > 0; left--) {
      const next: Uint8Array = new Uint8Array(this.shape.keyBytes);
      const result = native().nextKey(this.fd, key, next);
      if (result === errno.ENOENT) return;
      check(`list ${this.name}`, result);
      yield new DataView(next.buffer);
      key = next;
    }
  }

  /** Empties the map, some entries at a time; the arrays are the same ones each time. */
  *take(): Generator<{ readonly keys: DataView; readonly values: DataView; readonly count: number }> {
    const { keyBytes, valueBytes } = this.shape;
    const keys = new Uint8Array(TAKE_ENTRIES * keyBytes);
    const values = new Uint8Array(TAKE_ENTRIES * valueBytes);
    for (let count = TAKE_ENTRIES; count >= TAKE_ENTRIES - BUCKET_ENTRIES_MAX; ) {
      count = check(`drain ${this.name}`, native().take(this.fd, keys, values, TAKE_ENTRIES));
      yield { keys: new DataView(keys.buffer), values: new DataView(values.buffer), count };
    }
  }

  /** Whether nothing is in it. */
  isEmpty(): boolean {
    const result = native().nextKey(this.fd, null, new Uint8Array(this.shape.keyBytes));
    if (result === errno.ENOENT) return true;
    check(`list ${this.name}`, result);
    return false;
  }

  /** Everything in a map that nobody changes meanwhile. */
  read(): { readonly keys: DataView; readonly values: DataView; readonly count: number } {
    const { keyBytes, valueBytes, entries } = this.shape;
    for (let room = TAKE_ENTRIES; ; room *= 4) {
      const keys = new Uint8Array(room * keyBytes);
      const values = new Uint8Array(room * valueBytes);
      const count = check(`read ${this.name}`, native().read(this.fd, keys, values, room));
      if (count === room && room < entries + BUCKET_ENTRIES_MAX) continue;
      return { keys: new DataView(keys.buffer), values: new DataView(values.buffer), count };
    }
  }

  /** The values of an array's first entries. */
  readFirst(count: number): DataView {
    const values = new Uint8Array(count * this.shape.valueBytes);
    if (count > 0)
      check(
        `read ${this.name}`,
        native().read(this.fd, new Uint8Array(count * this.shape.keyBytes), values, count),
      );
    return new DataView(values.buffer);
  }

  /** Empties the map. */
  clear(): void {
    for (const _ of this.take());
  }

  /** Puts `inner` at an index of this map of maps; resolves when no program uses what was there. */
  async insert(index: number, inner: KernelMap): Promise<void> {
    check(`insert into ${this.name}`, await inKernel(() => native().insertMap(this.fd, index, inner.fd)));
  }

  /** Empties an index of this map of maps; resolves when no program uses what was there. */
  async remove(index: number): Promise<void> {
    if (this.get(u32(index)) === undefined) return;
    const result = await inKernel(() => native().removeMap(this.fd, index));
    if (result !== errno.ENOENT) check(`remove from ${this.name}`, result);
  }

  /** Opens the map at an index of this map of maps; undefined when there is none. */
  inner(index: number): KernelMap | undefined {
    const id = this.get(u32(index));
    if (id === undefined) return undefined;
    const fd = native().openById(id.getUint32(0, true));
    return new KernelMap(`${this.name}[${index}]`, check(`open ${this.name}[${index}]`, fd));
  }

  /** What comes later fails: the descriptor's number may soon be another's. */
  close(): void {
    native().close(this.#fd);
    this.#fd = CLOSED;
  }
}

/** A 32-bit key or value. */
export function u32(value: number): DataView {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, true);
  return view;
}

/** Room for one struct. */
export function room(bytes: number): DataView {
  return new DataView(new ArrayBuffer(bytes));
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** What a map must contain but does not: pinned by another version, or changed by another hand. */
export function missing(map: string, what: string): KernelError {
  return new KernelError(`look up ${map}`, "ENOENT", `${what} is missing; load the programs again`);
}
