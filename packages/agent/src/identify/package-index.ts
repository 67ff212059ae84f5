import { hash } from "node:crypto";

/** One row: 8 bytes of the path's digest, 16 of the content's. Texts of the same would take five times the memory. */
const PATH_BYTES = 8;
const ROW_BYTES = PATH_BYTES + 16;
const MD5_HEX = /^[0-9a-f]{32}$/;

export type PackageIndex = {
  /** The package that ships this content at this path. Two with the same path both count, each with its content. */
  readonly packageOf: (path: string, md5: string) => string | undefined;
};

export type PackageIndexBuilder = {
  /** False where there is no room left. */
  readonly add: (path: string, md5: string, packageName: string) => boolean;
  readonly build: () => PackageIndex;
};

/** Which package ships what where, in little memory. Pure. */
export function createPackageIndexBuilder(rowsMax: number): PackageIndexBuilder {
  const names: string[] = [];
  let rows = Buffer.alloc(64 * ROW_BYTES);
  let packages = new Uint32Array(64);
  let count = 0;

  function grow(): void {
    const larger = new Uint32Array(packages.length * 2);
    larger.set(packages);
    packages = larger;
    rows = Buffer.concat([rows, Buffer.alloc(rows.length)]);
  }

  return {
    add: (path, md5, packageName) => {
      if (count >= rowsMax) return false;
      if (!MD5_HEX.test(md5)) return true;
      if (count === packages.length) grow();
      if (names.at(-1) !== packageName) names.push(packageName);
      rows.set(rowOf(path, md5), count * ROW_BYTES);
      packages[count] = names.length - 1;
      count++;
      return true;
    },
    build: () => {
      const places = placeRows(rows, count);
      return {
        packageOf: (path, md5) => {
          if (!MD5_HEX.test(md5)) return undefined;
          const wanted = rowOf(path, md5);
          for (const row of rowsAt(places, wanted)) {
            if (wanted.equals(rows.subarray(row * ROW_BYTES, (row + 1) * ROW_BYTES)))
              return names[packages[row] ?? 0];
          }
          return undefined;
        },
      };
    },
  };
}

function rowOf(path: string, md5: string): Buffer {
  const digest = hash("sha256", path, "buffer").subarray(0, PATH_BYTES);
  return Buffer.concat([digest, Buffer.from(md5, "hex")]);
}

/** Open addressing, half empty: a place holds a row's number plus one. */
function placeRows(rows: Buffer, count: number): Uint32Array {
  const places = new Uint32Array(2 ** Math.ceil(Math.log2(2 * count + 2)));
  for (let row = 0; row < count; row++) {
    let at = rows.readUInt32LE(row * ROW_BYTES) & (places.length - 1);
    while (places[at] !== 0) at = (at + 1) & (places.length - 1);
    places[at] = row + 1;
  }
  return places;
}

function* rowsAt(places: Uint32Array, wanted: Buffer): Generator<number> {
  let at = wanted.readUInt32LE(0) & (places.length - 1);
  for (let place = places[at]; place !== undefined && place !== 0; place = places[at]) {
    yield place - 1;
    at = (at + 1) & (places.length - 1);
  }
}
