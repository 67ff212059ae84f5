import { Argument, type Command } from "commander";
import { collectAddress, collectLabel, PAUSE_SECONDS_MAX, parseSeconds } from "../output/parse-options.ts";
import { run } from "../run.ts";
import type { PauseOptions } from "./agent-pause.ts";
import type { AgentPlaceOptions, AgentRunOptions, PlanOptions } from "./agent-run.ts";

const PROOF_PERIOD_SECONDS_MAX = 30 * 86_400;

export function register(program: Command): void {
  const agent = program.command("agent").description("the agent of this host");
  withAgentOptions(
    withPlaces(
      agent.command("run").description("run the agent until Ctrl-C; enforcement stays in the kernel"),
    ),
  )
    .option("--token-file <file>", "enrolment token, needed once; - for standard input, or RINGWALL_TOKEN")
    .option("--no-proof", "prove no software to other hosts' kernels, and ask for no proofs (docs/proof.md)")
    .option(
      "--prove-datagrams",
      "prove software behind UDP datagrams too, to hosts that do the same (docs/proof.md)",
    )
    .option(
      "--proof-period <duration>",
      "a new key for the proofs so often, 1s to 30d (default: 1d)",
      parseSeconds(1, PROOF_PERIOD_SECONDS_MAX),
    )
    .option(
      "--address <ip>",
      "an address by which other hosts know this one besides its own, where a NAT stands before it; repeatable",
      collectAddress,
    )
    .option("--containers", "each container and pod of this host is a workload of its own")
    .option("--controller <url>", "https://HOST:PORT instead of the address in the token")
    .action(
      run(async (options: AgentRunOptions) => (await import("./agent-run.ts")).runAgentUntilEnd(options)),
    );
  withPlaces(agent.command("status").description("what the agent enforces, and whether it is heard"))
    .option("--json", "one JSON object")
    .action(
      run(async (options: AgentPlaceOptions & { json?: boolean }) =>
        (await import("./agent-run.ts")).showStatus(options),
      ),
    );
  withPlaces(
    agent.command("plan").description("print what the agent would change in the kernel, without changing it"),
  )
    .option("--policy <file>", "a host policy as JSON, rather than the one that is stored")
    .option("--all", "print every entry, however many")
    .action(run(async (options: PlanOptions) => (await import("./agent-run.ts")).showPlan(options)));
  agent
    .command("decode-option")
    .description(
      "what the proof in a SYN or SYN-ACK says: the option, the TCP options, or a packet as hexadecimal",
    )
    .argument("<hex...>", "bytes as tcpdump -x prints them; - reads them from standard input")
    .option("--json", "one JSON object")
    .action(
      run(async (hex: readonly string[], options: { json?: boolean }) =>
        (await import("./decode-option.ts")).decodeOption(hex, options),
      ),
    );
  withPlaces(
    agent
      .command("package-hook")
      .description("let apt tell this host's agent which signed packages files come from")
      .addArgument(new Argument("<action>", "install it, or remove it").choices(["install", "remove"])),
  ).action(
    run(async (action: "install" | "remove", options: AgentPlaceOptions) =>
      (await import("./agent-run.ts")).changePackageHook(action, options),
    ),
  );
  withPlaces(
    agent
      .command("pause")
      .description(
        "break-glass: refuse nothing on this host for a while; what would be refused is told, and enforcement comes back by itself",
      )
      .requiredOption("--for <duration>", "1s to 4h", parseSeconds(1, PAUSE_SECONDS_MAX))
      .option("--reason <text>", "why, for the audit", ""),
  ).action(run(async (options: PauseOptions) => (await import("./agent-pause.ts")).pause(options)));
  withPlaces(agent.command("resume").description("end a pause now")).action(
    run(async (options: AgentPlaceOptions) => (await import("./agent-pause.ts")).resume(options)),
  );
  withPlaces(
    agent
      .command("uninstall")
      .description("take every program and map out of the kernel and remove the agent's keys and state"),
  ).action(run(async (options: AgentPlaceOptions) => (await import("./agent-run.ts")).uninstall(options)));
}

/** The options that `agent run` and `up` share. */
export function withAgentOptions(command: Command): Command {
  return command
    .option("--cgroup <path>", "processes in this cgroup2 folder only (default: the root, so the whole host)")
    .option("--name <name>", "this host's workload name (default: the host's name)")
    .option("--label <key=value>", "a label of this host; repeatable", collectLabel);
}

function withPlaces(command: Command): Command {
  return command
    .option("--state <dir>", "keys, journal and status (default: /var/lib/ringwall/agent)")
    .option("--pin <dir>", "folder of a bpffs for programs and maps (default: /run/ringwall/bpf/agent)");
}
