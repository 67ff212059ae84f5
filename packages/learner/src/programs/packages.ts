import type { Resource } from "@ringwall/model";
import { API_VERSION } from "@ringwall/model";
import { slug } from "../names.ts";
import { isSigned, type SoftwareGroup } from "../software/software-group.ts";

/** So many programs of one signed package are told as the package. */
const PROGRAMS_MIN = 3;

export type Told = {
  /** Names for a rule's list. */
  readonly names: readonly string[];
  /** Documents for the packages among them. */
  readonly documents: readonly Resource[];
  /** Ids of the software that is named by itself. */
  readonly single: readonly number[];
};

/** A list of programs as a person would write it: `coreutils`, not forty tools one by one. */
export function toldByPackage(groups: readonly SoftwareGroup[]): Told {
  const byPackage = Map.groupBy(groups, packageOf);
  const whole = [...byPackage].flatMap(([name, own]) =>
    name !== null && own.length >= PROGRAMS_MIN ? [name] : [],
  );
  const single = groups.filter((group) => !whole.includes(packageOf(group) ?? ""));
  return {
    names: [...new Set([...single.map(({ name }) => name), ...whole.map(documentName)])].sort(),
    documents: whole.sort().map((name) => ({
      apiVersion: API_VERSION,
      kind: "Software",
      metadata: { name: documentName(name) },
      spec: { anyOf: [{ executable: { package: name } }], upgrades: "signed" },
    })),
    single: single.map(({ id }) => id),
  };
}

function documentName(name: string): string {
  return `package-${slug(name)}`;
}

/** The package that vouches for all of it; null for scripts, whose interpreter's package says nothing about them. */
function packageOf({ identities }: SoftwareGroup): string | null {
  const names = new Set(
    identities.map((one) =>
      isSigned(one) && one.script === null && one.unattributable === null ? one.package : null,
    ),
  );
  const [name = null] = names;
  return names.size === 1 ? name : null;
}
