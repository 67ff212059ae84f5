import { open, readdir, readFile, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { makeFolder } from "../state/make-folder.ts";
import { saveFile } from "../state/save-file.ts";

/**
 * Bytes of reports that wait on disk for the controller; beyond it the oldest are dropped and counted. A minute of 50,000
 * new peers a second takes 170 MiB.
 */
export const SPOOL_BYTES_MAX = 256 * 1024 * 1024;
/** So many also where the disk has little room, and for a workload that a host carries: there may be hundreds. */
export const SPOOL_BYTES_ALWAYS = 64 * 1024 * 1024;
/** Of what is free on the disk when the agent starts, one such part at most. */
const FREE_PARTS = 8;
/** Reports that wait; each costs a directory entry. */
export const SPOOL_REPORTS_MAX = 4096;

/** So many that wait mean that the controller is away for long: reports are made less often. */
export const SPOOL_CROWDED_REPORTS = 1000;
const LOST_FILE: readonly string[] = ["ENOENT", "EIO"];
/** More are counted as so many. */
const ROWS_NAMED_MAX = 999_999_999;

/** Which call a report belongs to. */
export type ReportKind = "flows" | "execs";

/** An encoded FlowBatch or ExecBatch, never empty; `rows` counts its connections or executions, for the case that it gets lost. */
export type Report = { readonly kind: ReportKind; readonly bytes: Uint8Array; readonly rows: number };

/** What was lost on the way to the controller, by cause; only ever grows. */
export type UploadLosses = { spoolFull: number; refused: number };

type Entry = {
  readonly file: string;
  readonly kind: ReportKind;
  readonly size: number;
  readonly rows: number;
};

/** A report on disk. */
export type Waiting = { readonly report: Report; readonly drop: () => Promise<void> };

/**
 * Reports on disk that the controller has not taken yet, oldest first. Survives the agent; bounded, with counted loss.
 * Files are `NUMBER-KIND-ROWS.pb`, so that a restart needs to read none of them to know what there is.
 */
export type Spool = {
  /** Stores one report; returns how many rows of others had to go, oldest first but for those that are being sent. */
  readonly add: (report: Report) => Promise<number>;
  /** The oldest reports, to be sent; as many as asked for and one at least, where there is any. Each stays until its `drop`. */
  readonly oldest: (reportsMax: number, bytesMax: number) => Promise<readonly Waiting[]>;
  readonly size: () => { readonly reports: number; readonly bytes: number };
  /** As they were when the spool was opened: losses are told later, so they outlive the agent. */
  readonly losses: () => UploadLosses;
  readonly saveLosses: (losses: UploadLosses) => Promise<void>;
};

export async function openSpool(
  stateDir: string,
  given: { readonly bytesMax?: number; readonly reportsMax?: number } = {},
): Promise<Spool> {
  const folder = join(stateDir, "spool");
  await makeFolder(folder, 0o700);
  const limits = { bytesMax: await bytesFor(folder), reportsMax: SPOOL_REPORTS_MAX, ...given };
  const lossesFile = join(stateDir, "losses.json");
  const losses = await loadLosses(lossesFile);
  const entries = await readEntries(folder);
  let bytes = entries.reduce((sum, entry) => sum + entry.size, 0);
  // Whoever sends them may have them stored there already: then they can't be lost here as well.
  let sending: readonly Entry[] = [];
  let next = entries.reduce((highest, entry) => Math.max(highest, numberOf(entry.file)), 0) + 1;

  async function remove(entry: Entry): Promise<void> {
    const index = entries.indexOf(entry);
    // It may have gone for want of room while it was being sent.
    if (index < 0) return;
    entries.splice(index, 1);
    bytes -= entry.size;
    await rm(join(folder, entry.file), { force: true });
  }

  /** Nothing where the file was removed, or its place on the disk can't be read: a report is never empty. */
  async function readBytes(file: string): Promise<Uint8Array> {
    try {
      return await readFile(join(folder, file));
    } catch (error) {
      if (!LOST_FILE.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      return new Uint8Array();
    }
  }

  async function save(file: string, bytesOf: Uint8Array): Promise<void> {
    const write = () => saveFile(join(folder, file), bytesOf, 0o600, { sync: false });
    await write().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      // Somebody has removed the folder.
      await makeFolder(folder, 0o700);
      await write();
    });
  }

  return {
    size: () => ({ reports: entries.length, bytes }),
    losses: () => losses,
    // On a full disk they stay in memory; the next loss tries again.
    saveLosses: (all) => saveFile(lossesFile, `${JSON.stringify(all)}\n`, 0o600).catch(() => undefined),
    add: async (report) => {
      const rows = Math.min(report.rows, ROWS_NAMED_MAX);
      const file = `${String(next++).padStart(12, "0")}-${report.kind}-${rows}.pb`;
      const entry = { file, kind: report.kind, size: report.bytes.length, rows: report.rows };
      await save(file, report.bytes);
      entries.push(entry);
      bytes += entry.size;
      let lost = 0;
      while (bytes > limits.bytesMax || entries.length > limits.reportsMax) {
        const oldest = entries.find((one) => !sending.includes(one));
        if (oldest === undefined) break;
        lost += oldest.rows;
        await remove(oldest);
      }
      return lost;
    },
    oldest: async (reportsMax, bytesMax) => {
      let size = 0;
      const fitting = entries.slice(0, reportsMax).findIndex((one) => {
        size += one.size;
        return size > bytesMax;
      });
      const taken = entries.slice(0, fitting < 0 ? reportsMax : Math.max(fitting, 1));
      sending = taken;
      return Promise.all(
        taken.map(async (entry) => {
          const report = { kind: entry.kind, rows: entry.rows, bytes: await readBytes(entry.file) };
          return { report, drop: () => remove(entry) };
        }),
      );
    },
  };
}

async function bytesFor(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return spoolBytes(bavail * bsize);
}

/** The limit on a disk with so many bytes free. */
export function spoolBytes(free: number): number {
  return Math.min(SPOOL_BYTES_MAX, Math.max(SPOOL_BYTES_ALWAYS, Math.floor(free / FREE_PARTS)));
}

const savedLosses = z.object({ spoolFull: z.int().nonnegative(), refused: z.int().nonnegative() });

async function loadLosses(file: string): Promise<UploadLosses> {
  const text = await readFile(file, "utf8").catch(() => "null");
  try {
    return savedLosses.parse(JSON.parse(text));
  } catch {
    return { spoolFull: 0, refused: 0 };
  }
}

async function readEntries(folder: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const file of (await readdir(folder)).sort()) {
    const match = /^\d{12}-(flows|execs)-(\d{1,9})\.pb$/.exec(file);
    if (match === null) {
      await rm(join(folder, file), { force: true });
      continue;
    }
    const handle = await open(join(folder, file));
    const { size } = await handle.stat();
    await handle.close();
    entries.push({ file, kind: match[1] as ReportKind, size, rows: Number(match[2]) });
  }
  return entries;
}

function numberOf(file: string): number {
  return Number(file.slice(0, 12));
}
