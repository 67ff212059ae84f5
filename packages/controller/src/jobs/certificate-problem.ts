import { formatProblem } from "@ringwall/model";
import { AGENT_CERTIFICATE_MS } from "../pki/authority.ts";
import { type AgentRecord, CARRIER_LABEL } from "../store/state/fleet.ts";

/**
 * What to do about a host that was silent for so long that whatever certificate it has must have expired; "" for others. Its
 * containers need nothing: their host's agent asks for them again.
 */
export function certificateProblem(
  { name, agentLabels, lastSeen }: Pick<AgentRecord, "name" | "agentLabels" | "lastSeen">,
  nowMs: number,
): string {
  if (lastSeen === null || nowMs - lastSeen.getTime() <= AGENT_CERTIFICATE_MS) return "";
  if (agentLabels[CARRIER_LABEL] !== undefined) return "";
  return formatProblem({
    code: "certificate-expired",
    severity: "error",
    message: `nothing was heard of this host since ${lastSeen.toISOString()}: its certificate has expired, and it can't connect with it`,
    fix:
      `make a token with \`ringwall token create --name ${name}\` and put it into its agent's token file, ` +
      "or start the agent with it (--token-file); " +
      `if the host is gone for good: \`ringwall forget ${name}\``,
  });
}
