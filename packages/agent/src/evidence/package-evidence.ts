import { join } from "node:path";
import type { PackageEvidence } from "../identify/packages.ts";
import { hookPlaces } from "./apt-hook.ts";
import { createDebCollector } from "./collect-debs.ts";
import { openEvidenceBook } from "./evidence-book.ts";

/** The evidence of a running agent: what it knows, and the hook's folder it learns more from. */
export async function openPackageEvidence(stateDir: string, aptConfig?: string): Promise<PackageEvidence> {
  const book = await openEvidenceBook(join(stateDir, "evidence"));
  const environment = aptConfig === undefined ? {} : { APT_CONFIG: aptConfig };
  const collector = createDebCollector(hookPlaces(stateDir).spool, book, environment);
  return { book, settle: collector.settle };
}
