import type { AgentRunOptions } from "../agent-run.ts";
import type { ControllerRunOptions } from "../controller-run.ts";

/** The command line of the controller as a part. URLs with passwords reach it through the environment. */
export function controllerArguments(options: ControllerRunOptions & { readonly data: string }): string[] {
  const args = ["controller", "run", "--data", options.data];
  const add = (option: string, value: string | number | undefined) => {
    if (value !== undefined) args.push(option, String(value));
  };
  add("--listen", options.listen);
  add("--public-url", options.publicUrl);
  add("--listen-agents", options.listenAgents);
  add("--advertise-agents", options.advertiseAgents);
  add("--database-url", options.databaseUrl);
  add("--clickhouse-url", options.clickhouseUrl);
  add("--retention-days", options.retentionDays);
  for (const ip of options.resolver ?? []) add("--resolver", ip);
  for (const { cidrs, ports } of options.management ?? [])
    add("--management", `${cidrs.join()}=${ports.join()}`);
  return args;
}

/** The command line of the agent as a part; its token comes in a file. */
export function agentArguments(
  options: Required<Pick<AgentRunOptions, "state" | "pin" | "cgroup" | "name" | "controller">> &
    Pick<AgentRunOptions, "tokenFile" | "label">,
): string[] {
  const { state, pin, cgroup, name, controller, tokenFile, label = {} } = options;
  const args = ["agent", "run", "--state", state, "--pin", pin, "--cgroup", cgroup, "--name", name];
  args.push("--controller", controller);
  if (tokenFile !== undefined) args.push("--token-file", tokenFile);
  for (const [key, value] of Object.entries(label)) args.push("--label", `${key}=${value}`);
  return args;
}
