import { mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { saveFile } from "../state/save-file.ts";

/** Bytes of reports that wait on disk for the controller; beyond it the oldest are dropped and counted. */
export const SPOOL_BYTES_MAX = 64 * 1024 * 1024;
/** Reports that wait; each costs a directory entry. */
export const SPOOL_REPORTS_MAX = 4096;

/** Which call a report belongs to. */
export type ReportKind = "flows" | "execs";

/** An encoded FlowBatch or ExecBatch. */
export type Report = { readonly kind: ReportKind; readonly bytes: Uint8Array; readonly rows: number };

type Entry = {
  readonly file: string;
  readonly kind: ReportKind;
  readonly size: number;
  readonly rows: number;
};

/**
 * Reports on disk that the controller has not taken yet, oldest first. Survives the agent; bounded, with counted loss.
 * Files are `NUMBER-KIND-ROWS.pb`, so that a restart needs to read none of them to know what there is.
 */
export type Spool = {
  /** Stores one report; returns how many rows of older ones had to go. */
  readonly add: (report: Report) => Promise<number>;
  /** The oldest report, or null. It stays until its `drop`. */
  readonly oldest: () => Promise<{ readonly report: Report; readonly drop: () => Promise<void> } | null>;
  readonly size: () => { readonly reports: number; readonly bytes: number };
};

export async function openSpool(
  stateDir: string,
  limits = { bytesMax: SPOOL_BYTES_MAX, reportsMax: SPOOL_REPORTS_MAX },
): Promise<Spool> {
  const folder = join(stateDir, "spool");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const entries = await readEntries(folder);
  let bytes = entries.reduce((sum, entry) => sum + entry.size, 0);
  let next = entries.reduce((highest, entry) => Math.max(highest, numberOf(entry.file)), 0) + 1;

  async function remove(entry: Entry): Promise<void> {
    const index = entries.indexOf(entry);
    // It may have gone for want of room while it was being sent.
    if (index < 0) return;
    entries.splice(index, 1);
    bytes -= entry.size;
    await rm(join(folder, entry.file), { force: true });
  }

  return {
    size: () => ({ reports: entries.length, bytes }),
    add: async (report) => {
      const file = `${String(next++).padStart(12, "0")}-${report.kind}-${report.rows}.pb`;
      const entry = { file, kind: report.kind, size: report.bytes.length, rows: report.rows };
      await saveFile(join(folder, file), report.bytes, 0o600);
      entries.push(entry);
      bytes += entry.size;
      let lost = 0;
      while (bytes > limits.bytesMax || entries.length > limits.reportsMax) {
        const [oldest] = entries;
        if (oldest === undefined) break;
        lost += oldest.rows;
        await remove(oldest);
      }
      return lost;
    },
    oldest: async () => {
      const [entry] = entries;
      if (entry === undefined) return null;
      const bytesOf = await readFile(join(folder, entry.file));
      const report = { kind: entry.kind, rows: entry.rows, bytes: bytesOf };
      return { report, drop: () => remove(entry) };
    },
  };
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
