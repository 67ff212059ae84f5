import {
  fail,
  type Labels,
  labels as labelsSchema,
  name as nameSchema,
  ok,
  type Result,
} from "@ringwall/model";
import type { EnrollCarriedRequest } from "@ringwall/protocol/agent";
import type { AgentRefusal } from "../api/agents/services.ts";
import { AGENT_CERTIFICATE_MS } from "../pki/authority.ts";
import { CARRIER_LABEL, type Fleet } from "../store/state/fleet.ts";

/** Containers that one host may have enrolled, gone ones included. */
export const CARRIED_PER_HOST_MAX = 4096;
/** Labels and addresses of one container. */
const LABELS_MAX = 64;
const ADDRESSES_MAX = 64;

/** Whether a host's agent may enrol this container: one of its own names, which no other agent has taken. */
export function judgeCarried(
  fleet: Fleet,
  carrier: string,
  request: EnrollCarriedRequest,
): Result<{ readonly workload: string; readonly labels: Labels }, AgentRefusal> {
  const no = (code: AgentRefusal["code"], message: string) => fail({ code, message });
  const { workload } = request;
  if (!nameSchema.safeParse(workload).success) return no("invalid", "the container's name is not valid");
  if (!workload.startsWith(`${carrier}/`)) {
    return no("denied", `\`${carrier}\` may only enrol containers whose name begins with \`${carrier}/\``);
  }
  if (fleet.get(carrier)?.agentLabels[CARRIER_LABEL] !== undefined)
    return no("denied", "a container carries no containers of its own; start an agent on its host");
  const known = fleet.get(workload);
  if (known !== undefined && known.agentLabels[CARRIER_LABEL] !== carrier) {
    return no(
      "exists",
      `the workload \`${workload}\` has an agent of its own; give the container another name`,
    );
  }
  const labels = labelsSchema.safeParse({ ...request.labels, [CARRIER_LABEL]: carrier });
  if (
    !labels.success ||
    Object.keys(labels.data).length > LABELS_MAX ||
    request.addresses.length > ADDRESSES_MAX
  )
    return no("invalid", "the container's labels or addresses are not valid, or too many");
  const siblings = fleet.carriedBy(carrier);
  if (known === undefined && siblings.length >= CARRIED_PER_HOST_MAX)
    return no("precondition", `\`${carrier}\` has ${siblings.length} containers, which is the most`);
  return ok({ workload, labels: labels.data });
}

/** Whether a container may have another certificate for its expired one: not where that was ended before it expired. */
export async function judgeExpired(
  fleet: Fleet,
  { workload, expiredMs }: EnrollCarriedRequest,
): Promise<Result<void, AgentRefusal>> {
  const enrolledAt = await fleet.enrolledAt(workload);
  const issuedMs = Number(expiredMs) - AGENT_CERTIFICATE_MS;
  if (enrolledAt !== undefined && issuedMs >= enrolledAt.getTime()) return ok(undefined);
  const why = "was forgotten, or enrolled anew, since its certificate that has expired was issued";
  return fail({ code: "denied", message: `the container \`${workload}\` ${why}; start it again` });
}
