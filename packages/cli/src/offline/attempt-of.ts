import { type Attempt, parseAddress, parsePortSpec } from "@ringwall/model";
import type { Inventory } from "@ringwall/policy";
import { failure } from "../failure.ts";

/** One attempt as it is typed. */
export type AttemptOptions = {
  readonly from: string;
  readonly to: string;
  readonly port: string;
  readonly fromUser?: string;
  readonly time?: string;
};

/** The attempt that the options describe. Throws Failure for a port or a time that is none. */
export function attemptOf(options: AttemptOptions, inventory: Inventory): Attempt {
  const port = parsePortSpec(options.port);
  if (port === null || port.kind === "named" || (port.from !== port.to && options.port.includes("/")))
    throw failure("bad-port", `\`${options.port}\` is not one port`, "such as tcp/5432, udp/53, icmp/8");
  const whole = !options.port.includes("/");
  const at = whole ? {} : port.proto === "icmp" ? { icmpType: port.from } : { port: port.from };
  if (options.time !== undefined && Number.isNaN(Date.parse(options.time)))
    throw failure("bad-time", `\`${options.time}\` is no time`, "such as 2026-11-20T10:00:00Z");
  const src = endOf(options.from, inventory);
  return {
    proto: port.proto,
    ...at,
    ...(options.time === undefined ? {} : { time: options.time }),
    src: options.fromUser === undefined ? src : { ...src, user: options.fromUser },
    dst: endOf(options.to, inventory),
  };
}

/** `SOFTWARE@WORKLOAD`, `WORKLOAD`, an address, or a DNS name that no workload has. */
function endOf(text: string, inventory: Inventory): Attempt["src"] {
  const at = text.indexOf("@");
  const name = text.slice(at + 1);
  const software = at < 0 ? {} : { software: text.slice(0, at) };
  if (parseAddress(name) !== null) return { ip: name, ...software };
  if (!inventory.byName.has(name) && name.includes(".")) return { fqdn: name, ...software };
  return { workload: name, ...software };
}
