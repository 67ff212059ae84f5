import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessIdentity } from "@ringwall/model";
import { z } from "zod";
import type { IdentityKey } from "../kernel/contract.ts";
import { appendOwnSync, replaceOwnSync } from "../state/own-files.ts";

/** Numbers of each kind that one boot may use; past it what is new stays unknown to the kernel, and is counted. */
export const BOOK_ENTRIES_MAX = 65_536;

/** Kept for the journal, so that new programs get their numbers on a full disk too: some thousand. */
export const JOURNAL_RESERVE_BYTES = 512 * 1024;

/** The executable's half of an identity. */
export type ExecutableFacts = Pick<
  ProcessIdentity,
  "exe" | "exeSha256" | "package" | "evidence" | "supersedes"
> & {
  readonly unattributable: "memfd" | "deleted" | null;
};
/** What runs beside it. All empty = number 0. */
export type ScriptFacts = Pick<
  ProcessIdentity,
  "script" | "scriptSha256" | "scriptSupersedes" | "unattributable" | "environment"
>;
/** Who and where. */
export type OwnerFacts = Pick<ProcessIdentity, "user" | "unit" | "container" | "image">;

/** Null where the book is full: never a number that means something else. */
export type BookNumber = number | null;

/**
 * The numbers by which the kernel knows executables, scripts and identities, for one boot. Every number is in the
 * journal before the kernel hears of it, so that an agent that was killed finds out what the pinned maps mean.
 */
export type IdentityBook = {
  /** There was no journal of these maps: any number in them is unknown. */
  readonly isNew: boolean;
  readonly executable: (facts: ExecutableFacts) => BookNumber;
  readonly script: (facts: ScriptFacts) => BookNumber;
  readonly identity: (
    key: IdentityKey,
    owner: OwnerFacts,
  ) => { readonly id: number; readonly isNew: boolean } | null;
  /** The number of an identity that was met before. */
  readonly find: (key: IdentityKey) => number | undefined;
  readonly executableFacts: (id: number) => ExecutableFacts | undefined;
  readonly hasScript: (id: number) => boolean;
  readonly processIdentity: (id: number) => ProcessIdentity | undefined;
  /** The control group in which it was met. */
  readonly cgroupOf: (id: number) => bigint | undefined;
  readonly identities: () => Iterable<readonly [id: number, identity: ProcessIdentity]>;
  /** What found no place. */
  readonly overflows: () => number;
  /** Writes the whole journal anew. */
  readonly rewrite: () => void;
};

const line = z.union([
  z.object({ maps: z.string() }),
  z.object({ e: z.number(), v: z.string() }),
  z.object({ s: z.number(), v: z.string() }),
  z.object({ i: z.number(), k: z.string(), v: z.string() }),
]);

type Identity = { readonly key: IdentityKey; readonly owner: OwnerFacts };

/**
 * `maps` names the kernel maps that the numbers were given to (boot and instance): a journal of other maps is begun
 * anew, unless `readOnly`.
 */
export function openIdentityBook(stateDir: string, maps: string, readOnly = false): IdentityBook {
  const file = join(stateDir, "identities.ndjson");
  const executables = new Shelf<ExecutableFacts>();
  const scripts = new Shelf<ScriptFacts>();
  const identities = new Shelf<Identity>();
  let isNew = false;
  load();

  function load(): void {
    const { lines, torn } = readLines(file);
    const [first, ...rest] = lines;
    const header = first === undefined ? undefined : parseLine(first);
    if (header === undefined || !("maps" in header) || header.maps !== maps) {
      isNew = true;
      if (!readOnly) writeFileSync(file, `${JSON.stringify({ maps })}\n`, { mode: 0o600 });
      return;
    }
    if (torn && !readOnly) appendFileSync(file, "\n");
    for (const text of rest) restore(text);
  }

  function restore(text: string): void {
    const entry = parseLine(text);
    if (entry === undefined || "maps" in entry) return;
    if ("e" in entry) executables.restore(entry.e, entry.v, JSON.parse(entry.v));
    else if ("s" in entry) scripts.restore(entry.s, entry.v, JSON.parse(entry.v));
    else {
      const [exeId, scriptId, uid, cgroupId] = entry.k.split(":");
      const key = {
        exeId: Number(exeId),
        scriptId: Number(scriptId),
        uid: Number(uid),
        cgroupId: BigInt(cgroupId ?? 0),
      };
      identities.restore(entry.i, entry.k, { key, owner: JSON.parse(entry.v) });
    }
  }

  const reserve = join(stateDir, "identities.reserve");
  if (!readOnly) keepReserve(reserve);

  /** A number that is not written down must not be used, so on a full disk the reserve makes room. */
  function write(entry: z.infer<typeof line>): void {
    const text = `${JSON.stringify(entry)}\n`;
    appendOwnSync(file, () => append(text));
  }

  function append(text: string): void {
    try {
      appendFileSync(file, text);
    } catch (error) {
      if (!existsSync(reserve)) throw error;
      rmSync(reserve);
      // What was written of it ends here; a torn line means nothing.
      appendFileSync(file, `\n${text}`);
    }
  }

  function rewrite(): void {
    const entries: z.infer<typeof line>[] = [
      { maps },
      ...[...executables.numbers].map(([v, e]) => ({ e, v })),
      ...[...scripts.numbers].map(([v, s]) => ({ s, v })),
      ...[...identities.numbers].map(([k, i]) => ({ i, k, v: JSON.stringify(identities.at(i)?.owner) })),
    ];
    replaceOwnSync(file, () => {
      writeFileSync(`${file}.new`, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""), {
        mode: 0o600,
      });
      renameSync(`${file}.new`, file);
    });
  }

  function processIdentity(id: number): ProcessIdentity | undefined {
    const found = identities.at(id);
    const exe = found === undefined ? undefined : executables.at(found.key.exeId);
    if (found === undefined || exe === undefined) return undefined;
    const script = found.key.scriptId === 0 ? NO_SCRIPT : scripts.at(found.key.scriptId);
    if (script === undefined) return undefined;
    const unattributable = exe.unattributable ?? script.unattributable;
    return { ...exe, ...script, ...found.owner, unattributable };
  }

  return {
    isNew,
    executable: (facts) => {
      const value = JSON.stringify(facts);
      return executables.number(value, facts, (id) => write({ e: id, v: value }));
    },
    script: (facts) => {
      if (isNoScript(facts)) return 0;
      const value = JSON.stringify(facts);
      return scripts.number(value, facts, (id) => write({ s: id, v: value }));
    },
    identity: (key, owner) => {
      const text = keyText(key);
      const known = identities.numbers.get(text);
      if (known !== undefined) return { id: known, isNew: false };
      const value = JSON.stringify(owner);
      const id = identities.number(text, { key, owner }, (number) => write({ i: number, k: text, v: value }));
      return id === null ? null : { id, isNew: true };
    },
    find: (key) => identities.numbers.get(keyText(key)),
    executableFacts: (id) => executables.at(id),
    hasScript: (id) => id === 0 || scripts.at(id) !== undefined,
    processIdentity,
    cgroupOf: (id) => identities.at(id)?.key.cgroupId,
    identities: function* () {
      for (const id of identities.values.keys()) {
        const identity = processIdentity(id);
        if (identity !== undefined) yield [id, identity] as const;
      }
    },
    overflows: () => executables.overflows + scripts.overflows + identities.overflows,
    rewrite,
  };
}

/** Without it the journal does as well until the disk is full. */
function keepReserve(path: string): void {
  if (existsSync(path)) return;
  try {
    writeFileSync(path, new Uint8Array(JOURNAL_RESERVE_BYTES), { mode: 0o600 });
  } catch {
    rmSync(path, { force: true });
  }
}

const NO_SCRIPT: ScriptFacts = { script: null, scriptSha256: null, unattributable: null, environment: [] };

function keyText(key: IdentityKey): string {
  return `${key.exeId}:${key.scriptId}:${key.uid}:${key.cgroupId}`;
}

function isNoScript(facts: ScriptFacts): boolean {
  return facts.script === null && facts.unattributable === null && facts.environment.length === 0;
}

/** Numbers from 1 for distinct values. */
class Shelf<T> {
  readonly numbers = new Map<string, number>();
  readonly values = new Map<number, T>();
  overflows = 0;
  private next = 1;

  number(text: string, value: T, record: (id: number) => void): BookNumber {
    const known = this.numbers.get(text);
    if (known !== undefined) return known;
    if (this.next > BOOK_ENTRIES_MAX) {
      this.overflows++;
      return null;
    }
    const id = this.next;
    record(id);
    this.restore(id, text, value);
    return id;
  }

  restore(id: number, text: string, value: T): void {
    this.numbers.set(text, id);
    this.values.set(id, value);
    this.next = Math.max(this.next, id + 1);
  }

  at(id: number): T | undefined {
    return this.values.get(id);
  }
}

function parseLine(text: string): z.infer<typeof line> | undefined {
  try {
    return line.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The whole lines, and whether something stands behind the last of them: a write that a kill cut off. */
function readLines(file: string): { readonly lines: readonly string[]; readonly torn: boolean } {
  try {
    const lines = readFileSync(file, "utf8").split("\n");
    const torn = lines.pop() !== "";
    return { lines, torn };
  } catch {
    return { lines: [], torn: false };
  }
}
