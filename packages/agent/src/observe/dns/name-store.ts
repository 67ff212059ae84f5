import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { saveFile } from "../../state/save-file.ts";
import type { StoredName } from "./name-book.ts";

const NAME = "names.json";
const file = z.object({
  bootId: z.string(),
  names: z.array(
    z.object({
      address: z.string().regex(/^[0-9a-f]{32}$/),
      name: z.string(),
      untilNs: z.string().regex(/^\d{1,20}$/),
    }),
  ),
});

/** Kept over a restart of the agent: programs go on with the addresses they have, and don't ask again for long. */
export type NameStore = {
  readonly load: () => Promise<readonly StoredName[]>;
  readonly save: (names: readonly StoredName[]) => Promise<void>;
};

/** Times are on this boot's clock, so names of another boot are none. */
export function createNameStore(stateDir: string, bootId: string): NameStore {
  const path = join(stateDir, NAME);
  return {
    load: async () => {
      const text = await readFile(path, "utf8").catch(() => "null");
      try {
        const parsed = file.safeParse(JSON.parse(text));
        return parsed.success && parsed.data.bootId === bootId ? parsed.data.names : [];
      } catch {
        return [];
      }
    },
    save: (names) => saveFile(path, `${JSON.stringify({ bootId, names })}\n`, 0o600),
  };
}
