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

/** A name as DNS has them: the last label has a letter, or it would be an address. */
const DNS_NAME = /^(?:[\w-]+\.)+[\w-]*[a-z][\w-]*\.?$/i;

/** The attempt that the options describe. Throws Failure for an end, a port or a time that is none. */
export function attemptOf(options: AttemptOptions, inventory: Inventory): Attempt {
  const port = parsePortSpec(options.port);
  if (port === null || port.kind === "named" || (port.from !== port.to && options.port.includes("/")))
    throw failure("bad-port", `\`${options.port}\` is not one port`, "such as tcp/5432, udp/53, icmp/8");
  const whole = !options.port.includes("/");
  const at = whole ? {} : port.proto === "icmp" ? { icmpType: port.from } : { port: port.from };
  if (options.time !== undefined && Number.isNaN(Date.parse(options.time)))
    throw failure("bad-time", `\`${options.time}\` is no time`, "such as 2026-11-20T10:00:00Z");
  const src = endOf("--from", options.from, inventory);
  return {
    proto: port.proto,
    ...at,
    ...(options.time === undefined ? {} : { time: options.time }),
    src: options.fromUser === undefined ? src : { ...src, user: options.fromUser },
    dst: endOf("--to", options.to, inventory),
  };
}

/** `SOFTWARE@WORKLOAD`, `WORKLOAD`, an address, or (only to) a DNS name that no workload has. */
function endOf(option: "--from" | "--to", text: string, inventory: Inventory): Attempt["src"] {
  const at = text.indexOf("@");
  const name = text.slice(at + 1);
  const software = at < 0 ? {} : { software: text.slice(0, at) };
  if (parseAddress(name) !== null) return { ip: name, ...software };
  if (inventory.byName.has(name) || /^[\w-]+$/.test(name)) return { workload: name, ...software };
  if (option === "--to" && DNS_NAME.test(name)) return { fqdn: name, ...software };
  throw failure(
    "unknown-workload",
    `\`${option}\`: \`${name}\` is neither an address nor the name of a workload${option === "--to" ? ", nor a DNS name" : ""}`,
    "write one address in full, such as 10.0.3.4 or fd00::1, or describe the workload in the inventory",
  );
}
