import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DrillRole } from "@ringwall/protocol/agent";
import { saveFile } from "../state/save-file.ts";

export type LastDrill = { readonly run: bigint; readonly roles: readonly DrillRole[] };

const FILE = "drill.json";

/** The newest order that was ever taken; none where the file is not there or says nothing. */
export async function loadLastDrill(stateDir: string): Promise<LastDrill> {
  const text = await readFile(join(stateDir, FILE), "utf8").catch(() => "");
  const found = /^\{"run":"(\d{1,19})","roles":\[([\d,]*)\]\}\n$/.exec(text);
  if (found === null) return { run: 0n, roles: [] };
  const roles = (found[2] ?? "").split(",").filter(Boolean).map(Number);
  return { run: BigInt(found[1] ?? 0), roles };
}

export async function saveLastDrill(stateDir: string, { run, roles }: LastDrill): Promise<void> {
  await saveFile(join(stateDir, FILE), `${JSON.stringify({ run: String(run), roles })}\n`, 0o600);
}
