import { setTimeout as sleep } from "node:timers/promises";
import type { DrillRow, DrillView } from "@ringwall/protocol/rest";
import type { Command } from "commander";
import { failure } from "../failure.ts";
import { DRILL_EVERY_SECONDS_MAX, DRILL_EVERY_SECONDS_MIN, parseSeconds } from "../output/parse-options.ts";
import { note, sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

const POLL_MS = 700;
/** The controller gives a drill up before. */
const WAIT_MS_MAX = 330_000;

type Options = ServerOptions & {
  readonly json?: boolean;
  readonly list?: boolean;
  readonly stop?: boolean;
  readonly every?: number;
};

export function register(program: Command): void {
  withServerOptions(
    program
      .command("drill")
      .description(
        "try the ways around the policy from one host to another, harmlessly, and print what was refused",
      )
      .argument("[source]", "the workload whose agent makes the attempts")
      .argument("[destination]", "the workload whose agent opens the drill's own listener")
      .option(
        "--every <duration>",
        "now, and again after each such time: 1h to 31d",
        parseSeconds(DRILL_EVERY_SECONDS_MIN, DRILL_EVERY_SECONDS_MAX),
      )
      .option("--stop", "remove the schedule between the two")
      .option("--list", "the last drills, and the schedules")
      .option("--json", "one JSON object"),
  ).action(
    run(async (source: string | undefined, destination: string | undefined, options: Options) => {
      if (options.list === true) return list(options);
      if (source === undefined || destination === undefined)
        throw failure(
          "missing-argument",
          "a drill needs two workloads",
          "`ringwall drill SOURCE DESTINATION`",
        );
      if (options.stop === true) return stop(source, destination, options);
      return drill(source, destination, options);
    }),
  );
}

async function drill(source: string, destination: string, options: Options): Promise<0 | 1> {
  const { api, drillView } = await open(options);
  const body = { source, destination, ...(options.every === undefined ? {} : { every: options.every }) };
  let view: DrillView = await api.send("POST", "/api/v1/drills", body, drillView);
  if (options.json !== true)
    note(`drill ${view.run}: \`${source}\` tries to get around the policy to \`${destination}\``);
  const deadline = Date.now() + WAIT_MS_MAX;
  while (view.state === "running") {
    if (Date.now() > deadline)
      throw failure("drill-late", `drill ${view.run} does not end`, "see the controller's log");
    await sleep(POLL_MS);
    view = await api.get(`/api/v1/drills/${view.run}`, drillView);
  }
  if (options.json) sayJson(view);
  else await (await import("./drill-report.ts")).printDrill(view);
  return verdictOf(view);
}

/** 1: something got through that the threat model does not name. A drill that says nothing, or not all, is a wrong call. */
export function verdictOf(view: DrillView): 0 | 1 {
  if (view.state === "failed") throw failure("drill-failed", view.problem, "mend that, and drill again");
  const saw = (wanted: DrillRow["result"]) => view.rows.some(({ result }) => result === wanted);
  if (saw("got-through")) return 1;
  if (saw("control-failed") || !saw("control"))
    throw failure(
      "drill-no-control",
      "the allowed program did not get through, so that no refusal says anything",
      "look for what is between the two hosts, or for a deny that names them: `ringwall get flows --denied`",
    );
  if (view.problem !== "") throw failure("drill-failed", view.problem, "mend that, and drill again");
  return 0;
}

async function stop(source: string, destination: string, options: Options): Promise<0> {
  const { api, drillsReply } = await open(options);
  const query = new URLSearchParams({ source, destination });
  const reply = await api.send("DELETE", `/api/v1/drills/schedules?${query}`, undefined, drillsReply);
  if (options.json) sayJson(reply);
  else await (await import("./drill-report.ts")).printDrills(reply, Date.now());
  return 0;
}

async function list(options: Options): Promise<0> {
  const { api, drillsReply } = await open(options);
  const reply = await api.get("/api/v1/drills", drillsReply);
  if (options.json) sayJson(reply);
  else await (await import("./drill-report.ts")).printDrills(reply, Date.now());
  return 0;
}

async function open(options: Options) {
  const { openApi } = await import("../server/api.ts");
  const { drillView, drillsReply } = await import("@ringwall/protocol/rest");
  return { api: openApi(options), drillView, drillsReply };
}
