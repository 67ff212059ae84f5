import type { Software } from "@ringwall/model";
import type { AddressSet, HostPolicy, HostRule, ProcessSelector } from "../lower/host-policy.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";

type RuleBase = Pick<
  HostRule,
  "name" | "direction" | "action" | "precedence" | "immediate" | "unproved" | "remote" | "verifiedRequired"
>;

/** The tables of one host policy while it is being compiled: equal selectors and address sets are stored once. */
export type HostTables = {
  readonly addRule: (
    base: RuleBase,
    process: ProcessSelector,
    peer: AddressSet | null,
    ports: HostRule["ports"],
  ) => void;
  /** What may be waited for though nobody is allowed in now. */
  readonly addServe: (process: ProcessSelector, ports: HostRule["ports"]) => void;
  /** Where the selector of a peer's process is kept. */
  readonly remoteIndex: (process: ProcessSelector) => number;
  /** The names that resolve, remembered as used. */
  readonly softwareNames: (names: readonly string[]) => string[];
  readonly contents: () => Pick<
    HostPolicy,
    "software" | "processSelectors" | "addressSets" | "rules" | "serve"
  >;
};

export function createTables(set: PolicySet): HostTables {
  const selectors = createInterned<ProcessSelector>();
  const sets = createInterned<AddressSet>();
  const rules: HostRule[] = [];
  const serve = createInterned<NonNullable<HostPolicy["serve"]>[number]>();
  const used = new Set<string>();
  const softwareNames = (names: readonly string[]): string[] => {
    const known = names.filter((name) => set.software.some((one) => one.metadata.name === name));
    for (const name of known) used.add(name);
    return known;
  };
  const processIndex = (process: ProcessSelector): number | null =>
    Object.keys(process).length === 0 ? null : selectors.indexOf(process);
  return {
    softwareNames,
    remoteIndex: (process) => {
      softwareNames(process.software?.names ?? []);
      return selectors.indexOf(process);
    },
    addRule: (base, process, peer, ports) => {
      softwareNames(process.software?.names ?? []);
      rules.push({
        id: rules.length + 1,
        ...base,
        process: processIndex(process),
        peer: peer === null ? null : sets.indexOf(peer),
        ports,
      });
    },
    addServe: (process, ports) => {
      softwareNames(process.software?.names ?? []);
      serve.indexOf({ process: processIndex(process), ports });
    },
    contents: () => ({
      software: Object.fromEntries(
        set.software
          .filter((one) => used.has(one.metadata.name))
          .map((one) => [one.metadata.name, entriesOf(one)]),
      ),
      processSelectors: [...selectors.values],
      addressSets: [...sets.values],
      rules,
      ...(serve.values.length === 0 ? {} : { serve: [...serve.values] }),
    }),
  };
}

function createInterned<T>() {
  const values: T[] = [];
  const indices = new Map<string, number>();
  return {
    values,
    indexOf: (value: T): number => {
      const key = JSON.stringify(value);
      const known = indices.get(key);
      if (known !== undefined) return known;
      indices.set(key, values.length);
      return values.push(value) - 1;
    },
  };
}

/** Entries that follow signed upgrades say so themselves: the host has no Software to look at. */
function entriesOf({ spec }: Software): HostPolicy["software"][string] {
  return spec.upgrades === "signed"
    ? spec.anyOf.map((entry) => ({ ...entry, upgrades: "signed" as const }))
    : spec.anyOf;
}
