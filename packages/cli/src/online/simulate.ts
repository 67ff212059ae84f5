import type { Command } from "commander";
import { commandName } from "../command-name.ts";
import { parseSince, parseWhole } from "../output/parse-options.ts";
import { paint, say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

type Options = ServerOptions & {
  readonly since?: string;
  readonly revision?: number;
  readonly failOnDeny?: boolean;
  readonly json?: boolean;
};

export function register(program: Command): void {
  const command = program
    .command("simulate")
    .description("what recorded flows would meet under the draft; on files with --policy and --flows")
    .option("--since <duration>", "flows of this time only, such as 24h, 7d", parseSince)
    .option(
      "--revision <number>",
      "an earlier revision instead of the draft",
      parseWhole(0, Number.MAX_SAFE_INTEGER),
    )
    .option("--fail-on-deny", "exit 1 where something is newly denied")
    .option("--json", "one JSON object");
  withServerOptions(command).action(run(simulate));
}

async function simulate(options: Options): Promise<0 | 1> {
  const { LONG_ANSWER_MS_MAX, openApi } = await import("../server/api.ts");
  const { simulateReply } = await import("@ringwall/protocol/rest");
  const { since, revision } = options;
  const api = openApi(options);
  const reply = await api.send(
    "POST",
    "/api/v1/simulate",
    { since, revision },
    simulateReply,
    LONG_ANSWER_MS_MAX,
  );
  const isClean = reply.newlyDenied.length === 0;
  if (options.json) sayJson(reply);
  else {
    const { printSimulation } = await import("./simulate-report.ts");
    await printSimulation(reply, Date.now());
    if (revision === undefined) {
      const change = `Change the draft (\`${commandName()} draft\`, \`${commandName()} apply DIR\`), or, if this is right:`;
      say(`\n${isClean ? "Nothing newly denied. To put the draft in force:" : change}`);
      say(`  ${paint("bold", `${commandName()} provision`)}`);
    }
  }
  return options.failOnDeny && !isClean ? 1 : 0;
}
