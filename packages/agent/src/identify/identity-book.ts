import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessIdentity } from "@ringwall/model";
import { z } from "zod";
import type { IdentityKey } from "../kernel/contract.ts";
import { limit } from "../kernel/generated/layout.ts";
import { appendOwnSync, replaceOwnSync } from "../state/own-files.ts";

/** Executables and scripts that one boot may know; past it what is new stays unknown to the kernel, and is counted. */
export const BOOK_ENTRIES_MAX = 65_536;

/** Identities at a time, for which the kernel's map has room; past it the same. */
export const IDENTITIES_MAX = limit.identitiesMax;

/** The kernel has 32 bits for one, and 0 is nobody's. */
const NUMBER_MAX = 0xffff_ffff;

/** Lines of the journal beyond twice what it has to say, before it is written anew. */
const JOURNAL_SPARE_LINES = 4096;

/** Kept for the journal, so that new programs get their numbers on a full disk too: some thousand. */
export const JOURNAL_RESERVE_BYTES = 512 * 1024;

/** The executable's half of an identity. */
export type ExecutableFacts = Pick<
  ProcessIdentity,
  "exe" | "exeSha256" | "package" | "evidence" | "supersedes"
> & {
  readonly unattributable: "memfd" | "deleted" | "oversized" | null;
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
  readonly keys: () => Iterable<readonly [id: number, key: IdentityKey]>;
  /** Identities that ever got a number. */
  readonly given: () => number;
  /** Gives identities back. Their numbers are nobody's from then on: what is still told by one is told of no other. */
  readonly forget: (ids: Iterable<number>) => void;
  /** What found no place. */
  readonly overflows: () => number;
  /** Writes the whole journal anew. */
  readonly rewrite: () => void;
};

const line = z.union([
  // `given`: identities that had a number when it was written anew.
  z.object({ maps: z.string(), given: z.number().optional() }),
  z.object({ e: z.number(), v: z.string() }),
  z.object({ s: z.number(), v: z.string() }),
  z.object({ i: z.number(), k: z.string(), v: z.string() }),
  z.object({ gone: z.array(z.number()) }),
]);

type Identity = { readonly key: IdentityKey; readonly owner: OwnerFacts };

/**
 * `maps` names the kernel maps that the numbers were given to (boot and instance): a journal of other maps is begun
 * anew, unless `readOnly`.
 */
export function openIdentityBook(stateDir: string, maps: string, readOnly = false): IdentityBook {
  const file = journalIn(stateDir);
  const executables = new Shelf<ExecutableFacts>(BOOK_ENTRIES_MAX);
  const scripts = new Shelf<ScriptFacts>(BOOK_ENTRIES_MAX);
  const identities = new Shelf<Identity>(IDENTITIES_MAX);
  let isNew = false;
  let journalLines = 0;
  /** A write failed, and may have left a part of its line. */
  let isTorn = false;
  load();

  function load(): void {
    const { lines, torn } = readLines(file);
    const header = headerOf(lines);
    if (header?.maps !== maps) {
      isNew = true;
      if (!readOnly) writeFileSync(file, `${JSON.stringify({ maps })}\n`, { mode: 0o600 });
      return;
    }
    if (torn && !readOnly) appendFileSync(file, "\n");
    identities.skipTo(header.given ?? 0);
    journalLines = lines.length;
    for (const text of lines.slice(1)) restore(text);
  }

  function restore(text: string): void {
    const entry = parseLine(text);
    if (entry === undefined || "maps" in entry) return;
    if ("e" in entry) executables.restore(entry.e, entry.v, JSON.parse(entry.v));
    else if ("s" in entry) scripts.restore(entry.s, entry.v, JSON.parse(entry.v));
    else if ("gone" in entry) for (const id of entry.gone) drop(id);
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

  function drop(id: number): void {
    const known = identities.at(id);
    if (known !== undefined) identities.drop(id, keyText(known.key));
  }

  const reserve = join(stateDir, "identities.reserve");
  if (!readOnly) keepReserve(reserve);

  /** A number that is not written down must not be used, so on a full disk the reserve makes room. */
  function write(entry: z.infer<typeof line>): void {
    const text = `${JSON.stringify(entry)}\n`;
    appendOwnSync(file, () => {
      try {
        append(text);
      } catch (error) {
        if (!existsSync(reserve)) throw error;
        rmSync(reserve);
        append(text);
      }
    });
  }

  /** What was written of a line that failed ends here; a torn line means nothing. */
  function append(text: string): void {
    const whole = isTorn ? `\n${text}` : text;
    isTorn = true;
    appendFileSync(file, whole);
    isTorn = false;
    journalLines++;
  }

  function rewrite(): void {
    const entries: z.infer<typeof line>[] = [
      { maps, given: identities.given },
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
    journalLines = entries.length;
    isTorn = false;
  }

  /** Without a word in the journal, the next agent knows them too, and gives them back again. */
  function forget(ids: Iterable<number>): void {
    const gone = [...ids];
    for (const id of gone) drop(id);
    try {
      appendOwnSync(file, () => append(`${JSON.stringify({ gone })}\n`));
      const said = executables.numbers.size + scripts.numbers.size + identities.numbers.size;
      if (journalLines > 2 * said + JOURNAL_SPARE_LINES) rewrite();
    } catch {
      rmSync(`${file}.new`, { force: true });
    }
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
    keys: function* () {
      for (const [id, { key }] of identities.values) yield [id, key] as const;
    },
    given: () => identities.given,
    forget,
    overflows: () => executables.overflows + scripts.overflows + identities.overflows,
    rewrite,
  };
}

/** Whether there is a journal of these maps. */
export function isJournalOf(stateDir: string, maps: string): boolean {
  return headerOf(readLines(journalIn(stateDir)).lines)?.maps === maps;
}

function journalIn(stateDir: string): string {
  return join(stateDir, "identities.ndjson");
}

function headerOf([first = ""]: readonly string[]) {
  const header = parseLine(first);
  return header !== undefined && "maps" in header ? header : undefined;
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

/** Numbers from 1 for distinct values, none of them ever for another. */
class Shelf<T> {
  readonly numbers = new Map<string, number>();
  readonly values = new Map<number, T>();
  readonly #max: number;
  overflows = 0;
  given = 0;

  constructor(max: number) {
    this.#max = max;
  }

  number(text: string, value: T, record: (id: number) => void): BookNumber {
    const known = this.numbers.get(text);
    if (known !== undefined) return known;
    if (this.numbers.size >= this.#max || this.given >= NUMBER_MAX) {
      this.overflows++;
      return null;
    }
    const id = this.given + 1;
    record(id);
    this.restore(id, text, value);
    return id;
  }

  restore(id: number, text: string, value: T): void {
    this.numbers.set(text, id);
    this.values.set(id, value);
    this.skipTo(id);
  }

  skipTo(id: number): void {
    this.given = Math.max(this.given, id);
  }

  drop(id: number, text: string): void {
    this.values.delete(id);
    if (this.numbers.get(text) === id) this.numbers.delete(text);
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
