import type { ShadowView } from "@ringwall/protocol/rest";
import type { Command } from "commander";
import { parseSeconds } from "../output/parse-options.ts";
import { sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

const SECONDS_MIN = 10;
const SECONDS_MAX = 7 * 86_400;

type Options = ServerOptions & { readonly json?: boolean };
type StartOptions = Options & { readonly for?: number };
type ReportOptions = Options & { readonly failOnDeny?: boolean };

export function register(program: Command): void {
  const shadow = program
    .command("shadow")
    .description(
      "let the draft meet live traffic on every host: counted beside what is in force, never enforced",
    );
  withServerOptions(
    shadow
      .command("start")
      .description("begin, or begin anew with the draft as it is now; it ends by itself")
      .option(
        "--for <duration>",
        "how long, 10s to 7d; without it a day",
        parseSeconds(SECONDS_MIN, SECONDS_MAX),
      )
      .option("--json", "one JSON object"),
  ).action(run(start));
  withServerOptions(
    shadow
      .command("report")
      .description("what the draft would have changed so far, by edge and rule")
      .option("--fail-on-deny", "exit 1 where something would be newly blocked")
      .option("--json", "one JSON object"),
  ).action(run(report));
  withServerOptions(
    shadow
      .command("stop")
      .description("end it; the report stays until the next one")
      .option("--json", "one JSON object"),
  ).action(run(stop));
}

async function start(options: StartOptions): Promise<0> {
  const api = await open(options);
  await print(await api.send("POST", options.for === undefined ? {} : { seconds: options.for }), options);
  return 0;
}

async function stop(options: Options): Promise<0> {
  const api = await open(options);
  await print(await api.send("DELETE", undefined), options);
  return 0;
}

async function report(options: ReportOptions): Promise<0 | 1> {
  const api = await open(options);
  const view = await api.get();
  await print(view, options);
  const isClean = view.edges.every((edge) => edge.change !== "newly-blocked");
  return options.failOnDeny && !isClean ? 1 : 0;
}

async function open(options: Options) {
  const { openApi } = await import("../server/api.ts");
  const { shadowView } = await import("@ringwall/protocol/rest");
  const api = openApi(options);
  return {
    get: () => api.get("/api/v1/shadow", shadowView),
    send: (method: "POST" | "DELETE", body: unknown) => api.send(method, "/api/v1/shadow", body, shadowView),
  };
}

async function print(view: ShadowView, options: Options): Promise<void> {
  if (options.json) {
    sayJson(view);
    return;
  }
  const { printShadow } = await import("./shadow-report.ts");
  await printShadow(view, Date.now());
}
