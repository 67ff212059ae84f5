import { join } from "node:path";
import type { PackageEvidence } from "../identify/packages.ts";
import { hookPlaces } from "./apt-hook.ts";
import { createDebCollector } from "./collect-debs.ts";
import { createRpmCollector } from "./collect-rpms.ts";
import { openEvidenceBook } from "./evidence-book.ts";

/** Where the package managers are, other than where they say themselves. */
export type PackageManagers = { readonly aptConfig?: string; readonly rpmDb?: string };

/** The evidence of a running agent: what it knows, and where it learns more from: apt's hook, rpm's database. */
export async function openPackageEvidence(
  stateDir: string,
  { aptConfig, rpmDb }: PackageManagers = {},
): Promise<PackageEvidence> {
  const book = await openEvidenceBook(join(stateDir, "evidence"));
  const environment = aptConfig === undefined ? {} : { APT_CONFIG: aptConfig };
  const debs = createDebCollector(hookPlaces(stateDir).spool, book, environment);
  const rpms = createRpmCollector(book, rpmDb);
  return {
    book,
    settle: async () => {
      await debs.settle();
      await rpms.settle();
    },
  };
}
