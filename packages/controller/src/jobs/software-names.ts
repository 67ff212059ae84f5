import type { ProcessIdentity, Software } from "@ringwall/model";
import { matchSoftware } from "@ringwall/policy";

/** What a process is called: a Software resource's name, or a name the controller makes until one exists. */
export type SoftwareName = { readonly name: string; readonly named: boolean };

/** Names processes by the Software resources given; the first by name where several match. */
export function createNamer(software: readonly Software[]): (identity: ProcessIdentity) => SoftwareName {
  const sorted = software.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const known = new WeakMap<ProcessIdentity, SoftwareName>();
  return (identity) => {
    const before = known.get(identity);
    if (before !== undefined) return before;
    const match = sorted.find((one) => matchSoftware(one.spec.anyOf, identity) === true);
    const name =
      match === undefined
        ? { name: programName(identity), named: false }
        : { name: match.metadata.name, named: true };
    known.set(identity, name);
    return name;
  };
}

/** `postgres`, `python3.11 app.py`, `bash (inline)`. */
export function programName(identity: ProcessIdentity): string {
  const exe = basename(identity.exe) || "unknown";
  if (identity.script !== null) return `${exe} ${basename(identity.script)}`;
  return identity.unattributable === null ? exe : `${exe} (${identity.unattributable})`;
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
