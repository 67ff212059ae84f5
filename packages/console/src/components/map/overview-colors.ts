import type { Outcome } from "../../api/types.ts";

export type OverviewColors = Readonly<Record<Outcome | "workload" | "address" | "cluster" | "faded", string>>;

/** The theme's colours as they are now. Opaque: many thin lines over one another must not turn into another colour. */
export function overviewColors(): OverviewColors {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    allowed: read("--rw-allowed-thin"),
    "would-block": read("--rw-would-block"),
    blocked: read("--rw-blocked"),
    workload: read("--rw-allowed"),
    address: read("--rw-muted"),
    cluster: read("--rw-cluster"),
    faded: read("--rw-line"),
  };
}
