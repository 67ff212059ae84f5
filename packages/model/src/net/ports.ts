import type { Protocol } from "../resources/workload.ts";

/** A port specification of a rule, taken apart. ICMP has types 0..255 in place of ports. */
export type PortSpec =
  | { readonly kind: "range"; readonly proto: Protocol; readonly from: number; readonly to: number }
  | { readonly kind: "named"; readonly proto: "tcp" | "udp" | "sctp"; readonly name: string };

/** The highest port, or ICMP type, of a protocol. */
export function portLast(proto: Protocol): number {
  return proto === "icmp" ? 255 : 65535;
}

/** `tcp/443`, `tcp/8000-8080`, `tcp/http`, `tcp`, `icmp`, `icmp/8`; null for anything else, a reversed or too high range included. */
export function parsePortSpec(text: string): PortSpec | null {
  const slash = text.indexOf("/");
  const proto = slash < 0 ? text : text.slice(0, slash);
  if (proto !== "tcp" && proto !== "udp" && proto !== "sctp" && proto !== "icmp") return null;
  const last = portLast(proto);
  if (slash < 0) return { kind: "range", proto, from: 0, to: last };
  const rest = text.slice(slash + 1);
  const digits = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(rest);
  if (digits === null) {
    const named = proto !== "icmp" && /^(?=.*[a-z])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(rest);
    return named ? { kind: "named", proto, name: rest } : null;
  }
  const from = Number(digits[1]);
  const to = Number(digits[2] ?? digits[1]);
  return from <= to && to <= last ? { kind: "range", proto, from, to } : null;
}
