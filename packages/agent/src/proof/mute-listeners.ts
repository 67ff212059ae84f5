import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { ObservedListener } from "../observe/listeners.ts";
import { saveFile } from "../state/save-file.ts";

const stored = z.array(z.object({ port: z.int(), tgid: z.int() }));
type Mute = z.infer<typeof stored>[number];
const TCP = 6;

/** Sockets that listen since before the kernel programs: their answers carry no proof, and peers must know it. */
export type MuteListeners = {
  /** The programs are new here: whatever listens now is older than they are. */
  readonly begin: (listeners: readonly ObservedListener[]) => Promise<void>;
  /** Who listens now; what is gone is mute no more. */
  readonly refresh: (listeners: readonly ObservedListener[]) => void;
  /** Ascending. */
  readonly ports: () => readonly number[];
};

export async function openMuteListeners(stateDir: string): Promise<MuteListeners> {
  const file = join(stateDir, "proof-mute.json");
  let mute: readonly Mute[] = await load(file);
  return {
    begin: async (listeners) => {
      mute = listeners.filter((one) => one.proto === TCP).map(({ port, tgid }) => ({ port, tgid }));
      await saveFile(file, `${JSON.stringify(mute)}\n`, 0o600);
    },
    refresh: (listeners) => {
      mute = mute.filter((one) =>
        listeners.some(({ proto, port, tgid }) => proto === TCP && port === one.port && tgid === one.tgid),
      );
    },
    ports: () => [...new Set(mute.map((one) => one.port))].sort((a, b) => a - b),
  };
}

async function load(file: string): Promise<readonly Mute[]> {
  try {
    return stored.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return [];
  }
}
