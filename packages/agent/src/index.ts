export { AgentError } from "./agent-error.ts";
export type { AgentOptions, AgentPlaces } from "./agent-options.ts";
