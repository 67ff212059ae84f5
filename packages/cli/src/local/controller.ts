import { type Command, InvalidArgumentError, Option } from "commander";
import { parseWhole } from "../output/parse-options.ts";
import { run } from "../run.ts";
import type { ControllerRunOptions, Management } from "./controller-run.ts";

const RETENTION_DAYS_MAX = 3650;

export function register(program: Command): void {
  const controller = program.command("controller").description("the controller process");
  withControllerOptions(controller.command("run").description("run the controller until Ctrl-C"))
    .addOption(
      new Option("--log-level <level>", "how much it logs to standard error, as JSON lines")
        .choices(["silent", "error", "warn", "info", "debug"])
        .default("info"),
    )
    .action(
      run(async (options: ControllerRunOptions) =>
        (await import("./controller-run.ts")).runController(options),
      ),
    );
}

/** The options that `controller run` and `up` share. */
export function withControllerOptions(command: Command): Command {
  return command
    .option(
      "--data <dir>",
      "databases, certificates, the operator's token (default: /var/lib/ringwall for root)",
    )
    .option("--listen <address:port>", "console and users' API (default: 127.0.0.1:7480)")
    .option("--public-url <url>", "https://HOST under which a TLS proxy serves the console and users' API")
    .option("--listen-agents <address:port>", "agents' API (default: 127.0.0.1:7481)")
    .option("--advertise-agents <url>", "https://HOST:PORT under which agents reach it")
    .option("--database-url <url>", "a PostgreSQL of your own; with a password: RINGWALL_DATABASE_URL")
    .option("--clickhouse-url <url>", "a ClickHouse of your own; with a password: RINGWALL_CLICKHOUSE_URL")
    .option(
      "--management <cidrs=ports>",
      "operators' access that no rule can take away, such as 10.0.0.0/8=tcp/22; repeatable",
      collectManagement,
    )
    .option("--resolver <ip>", "a DNS resolver every host may ask; repeatable", collect)
    .option(
      "--retention-days <days>",
      "how long flows are kept (default: 30)",
      parseWhole(1, RETENTION_DAYS_MAX),
    );
}

function collect(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, text];
}

function collectManagement(text: string, previous: readonly Management[] = []): readonly Management[] {
  const match = /^([0-9a-fA-F:./,]+)=((?:tcp|udp)\/[0-9-]+(?:,(?:tcp|udp)\/[0-9-]+)*)$/.exec(text);
  if (match === null) throw new InvalidArgumentError("write it as `10.0.0.0/8,fd00::/8=tcp/22`.");
  return [...previous, { cidrs: (match[1] ?? "").split(","), ports: (match[2] ?? "").split(",") }];
}
