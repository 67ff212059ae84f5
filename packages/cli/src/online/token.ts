import type { Command } from "commander";
import { collectLabel, parseSeconds, parseWhole } from "../output/parse-options.ts";
import { note, say, sayJson } from "../output/print.ts";
import { run } from "../run.ts";
import { type ServerOptions, withServerOptions } from "../server/locate.ts";

const TTL_SECONDS_MIN = 60;
const TTL_SECONDS_MAX = 30 * 86_400;
const USES_MAX = 10_000;

type Options = ServerOptions & {
  readonly name?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly ttl?: number;
  readonly uses?: number;
  readonly output?: string;
  readonly json?: boolean;
};

export function register(program: Command): void {
  const token = program.command("token").description("tokens with which agents enrol");
  const create = token
    .command("create")
    .description("make a token; it is shown once")
    .option("--name <workload>", "only this workload may enrol with it")
    .option("--label <key=value>", "a label for workloads enrolled with it; may be repeated", collectLabel)
    .option(
      "--ttl <duration>",
      "how long it can be used, 60s to 30d",
      parseSeconds(TTL_SECONDS_MIN, TTL_SECONDS_MAX),
    )
    .option("--uses <count>", "how many agents it enrols", parseWhole(1, USES_MAX))
    .option(
      "-o, --output <file>",
      "write it to a file that only you can read, rather than to standard output",
    )
    .option("--json", "one JSON object");
  withServerOptions(create).action(run(createToken));
}

async function createToken(options: Options): Promise<0> {
  const { openApi } = await import("../server/api.ts");
  const { enrollmentTokenReply } = await import("@ringwall/protocol/rest");
  const { name: workload, label: labels, ttl: ttlSeconds, uses } = options;
  const body = { workload, labels, ttlSeconds, uses };
  const reply = await openApi(options).send("POST", "/api/v1/enrollment-tokens", body, enrollmentTokenReply);
  if (options.output !== undefined) {
    const { saveSecret } = await import("../output/save-secret.ts");
    saveSecret(options.output, `${reply.token}\n`);
    note(`token written to ${options.output}; valid until ${reply.expires}`);
  } else if (options.json) sayJson(reply);
  else {
    say(reply.token);
    note(`valid until ${reply.expires}; on the host: ringwall agent run --token-file FILE`);
  }
  return 0;
}
