import { setTimeout } from "node:timers/promises";
import { Argument, type Command, Option } from "commander";
import { parseSince, parseWhole } from "../output/parse-options.ts";
import { note, sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";
import type { GetOptions, Kind } from "./get/kind.ts";

type Options = ServerOptions & GetOptions & { readonly json?: boolean; readonly watch?: boolean };

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 100_000;
const WATCH_INTERVAL_MS = 2000;
const CLEAR_SCREEN = "\u001b[H\u001b[2J";

const kinds: Readonly<Record<string, () => Promise<{ readonly kind: Kind }>>> = {
  workloads: () => import("./get/workloads.ts"),
  hosts: () => import("./get/hosts.ts"),
  software: () => import("./get/software.ts"),
  upgrades: () => import("./get/upgrades.ts"),
  flows: () => import("./get/flows.ts"),
  segments: () => import("./get/segments.ts"),
  policies: () => import("./get/policies.ts"),
  alerts: () => import("./get/alerts.ts"),
  paths: () => import("./get/paths.ts"),
  audit: () => import("./get/audit.ts"),
  revisions: () => import("./get/revisions.ts"),
  status: () => import("./get/status.ts"),
};

export function register(program: Command): void {
  const command = program
    .command("get")
    .description(`show what the controller knows: ${Object.keys(kinds).join(", ")}`)
    .addArgument(new Argument("<what>", "what to show").choices(Object.keys(kinds)))
    .option("--since <duration>", "flows of that time only, such as 15m, 24h, 7d", parseSince)
    .option("--workload <name>", "flows of this workload only")
    .addOption(
      new Option("--verdict <verdict>", "flows with this verdict only").choices([
        "allowed",
        "would-block",
        "blocked",
      ]),
    )
    .option("--limit <count>", "at most so many flows", parseWhole(1, LIMIT_MAX), LIMIT_DEFAULT)
    .option("--watch", "show it again every two seconds until Ctrl-C")
    .option("--json", "NDJSON, one object a line");
  withServerOptions(command).action(run(get));
}

async function get(what: string, options: Options): Promise<0> {
  const { openApi } = await import("../server/api.ts");
  const kind = (await kinds[what]?.())?.kind;
  if (kind === undefined) throw new Error(`no kind ${what}`);
  const api = openApi(options);
  for (;;) {
    const answer = await kind.ask(api, options);
    if (options.watch && process.stdout.isTTY) process.stdout.write(CLEAR_SCREEN);
    if (options.json) for (const item of answer.items) sayJson(item);
    else if (answer.items.length === 0) note(kind.empty);
    else await answer.print(Date.now());
    if (answer.leftOut !== null) note(answer.leftOut);
    if (!options.watch) return 0;
    await setTimeout(WATCH_INTERVAL_MS);
  }
}
