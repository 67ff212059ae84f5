import type { Workload } from "@ringwall/model";
import type { Edge, EdgeEnd } from "./edge.ts";
import { type AddressClass, classOfAddress } from "./knowledge/addresses.ts";

/** Someone at an end of a link: a workload, or what an unowned address is good for in a rule. */
export type Party =
  | { readonly kind: "workload"; readonly name: string }
  /** The own addresses 127.0.0.0/8 and ::1 of one host. */
  | { readonly kind: "loopback"; readonly host: string }
  | { readonly kind: "internet" }
  | { readonly kind: "special"; readonly class: "link-local" | "multicast" | "broadcast" }
  | { readonly kind: "address"; readonly ip: string; readonly class: AddressClass }
  | { readonly kind: "fqdn"; readonly name: string };

/** Numbers for parties, so that half a million links stay small. */
export type PartyIndex = {
  readonly parties: Party[];
  readonly of: (edge: Edge, end: EdgeEnd) => number;
};

export function indexParties(inventory: readonly Workload[]): PartyIndex {
  const owners = new Map(
    inventory.flatMap(({ metadata, spec }) => spec.addresses.map((ip) => [ip, metadata.name])),
  );
  const parties: Party[] = [];
  const ids = new Map<string, number>();
  const of = (edge: Edge, end: EdgeEnd): number => {
    const party = partyOf(edge, end, owners);
    const key = keyOf(party);
    const known = ids.get(key);
    if (known !== undefined) return known;
    ids.set(key, parties.length);
    parties.push(party);
    return parties.length - 1;
  };
  return { parties, of };
}

function partyOf(edge: Edge, end: EdgeEnd, owners: ReadonlyMap<string, string>): Party {
  const isDestination = end === edge.dst;
  const address = end.ip === null ? null : classOfAddress(end.ip);
  if (isDestination && address === "loopback")
    return { kind: "loopback", host: end.workload ?? edge.src.ip ?? "" };
  const workload = end.workload ?? (end.ip === null ? undefined : owners.get(end.ip));
  if (workload !== undefined) return { kind: "workload", name: workload };
  if (isDestination && end.fqdn !== null) return { kind: "fqdn", name: end.fqdn };
  if (end.ip === null || address === null) return { kind: "address", ip: "", class: "unspecified" };
  if (address === "link-local" || address === "multicast" || end.ip === "255.255.255.255") {
    return {
      kind: "special",
      class: address === "link-local" || address === "multicast" ? address : "broadcast",
    };
  }
  return address === "public" ? { kind: "internet" } : { kind: "address", ip: end.ip, class: address };
}

function keyOf(party: Party): string {
  switch (party.kind) {
    case "workload":
    case "fqdn":
      return `${party.kind} ${party.name}`;
    case "address":
      return `address ${party.ip}`;
    case "special":
      return `special ${party.class}`;
    case "loopback":
      return `loopback ${party.host}`;
    case "internet":
      return party.kind;
  }
}

/** Where nobody answers: silence there is no failure. */
export function isSilent(party: Party | undefined): boolean {
  return party?.kind === "special" || (party?.kind === "address" && party.class === "broadcast");
}

/** How a report calls a party. */
export function partyWords(party: Party | undefined): string {
  if (party === undefined) return "unknown";
  switch (party.kind) {
    case "workload":
    case "fqdn":
      return party.name;
    case "address":
      return party.ip === "" ? "unknown" : party.ip;
    case "special":
      return party.class;
    case "loopback":
    case "internet":
      return party.kind;
  }
}
