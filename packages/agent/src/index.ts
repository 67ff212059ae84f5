export { AgentError } from "./agent-error.ts";
export type { AgentOptions, AgentPlaces } from "./agent-options.ts";
export { installAptHook, removeAptHook } from "./evidence/apt-hook.ts";
export { runAgent } from "./main.ts";
export { type PauseOrder, pauseAgent } from "./pause/pause-agent.ts";

export { agentPlan } from "./plan/agent-plan.ts";
export { describeOption, formatDescribedOption } from "./proof/describe-option.ts";
export { type AgentReport, type AgentStatus, agentStatus, formatAgentStatus } from "./status.ts";
export { uninstallAgent } from "./uninstall.ts";
