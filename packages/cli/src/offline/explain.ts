import { type Attempt, parseAddress, parsePortSpec } from "@ringwall/model";
import type { Inventory } from "@ringwall/policy";
import type { Command } from "commander";
import { Failure, failure } from "../failure.ts";
import { say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";

type Options = {
  readonly policy: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly port: string;
  readonly fromUser?: string;
  readonly time?: string;
  readonly inventory?: string;
  readonly essential?: string;
  readonly failOnDeny?: boolean;
  readonly json?: boolean;
};

export function register(program: Command): void {
  program
    .command("explain")
    .description("why something is allowed or not, in words")
    .requiredOption("--policy <dir...>", "policy folders or files")
    .requiredOption("--from <end>", "WORKLOAD or ADDRESS, with SOFTWARE@ before it where the program matters")
    .requiredOption("--to <end>", "the same, or a name such as api.example.com")
    .requiredOption("--port <port>", "such as tcp/5432, udp/53, icmp/8")
    .option("--from-user <user>", "the user at the source")
    .option("--time <time>", "when, such as 2026-11-20T10:00:00Z")
    .option("--inventory <file>", "Workload documents, YAML or NDJSON")
    .option("--essential <file>", "the essential flows' configuration")
    .option("--fail-on-deny", "exit 1 where it is not allowed")
    .option("--json", "the verdict as JSON")
    .action(run(explainOne));
}

async function explainOne(options: Options): Promise<0 | 1> {
  const { explain } = await import("@ringwall/policy");
  const { loadEssential, loadWorld } = await import("./world.ts");
  const { set, inventory } = await loadWorld(options.policy, options.inventory);
  const essential = await loadEssential(options.essential);
  const attempt = attemptOf(options, inventory);
  const explained = explain(set, inventory, attempt, {
    nowMs: Date.now(),
    ...(essential === undefined ? {} : { essential }),
  });
  if (!explained.ok) throw new Failure(explained.error);
  const { verdict, text } = explained.value;
  if (options.json) sayJson({ ...verdict, text });
  else for (const line of text) say(line);
  return options.failOnDeny && verdict.outcome !== "allowed" ? 1 : 0;
}

function attemptOf(options: Options, inventory: Inventory): Attempt {
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
