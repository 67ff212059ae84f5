import { fail, ok, type Result } from "@ringwall/model";
import type { AgentRefusal, AgentServices } from "../api/agents/services.ts";
import type { Fleet } from "../store/state/fleet.ts";
import { decodeFetch, decodeKeyOffer, decodeProcesses, decodeProofReport } from "./decode-proof.ts";
import type { Proofs } from "./proofs-parts.ts";

/** What agents ask about proofs, checked; workloads are those of certificates already. */
export function createProofServices(
  fleet: Fleet,
  proofs: Proofs,
): Pick<AgentServices, "offerProofKey" | "numberIdentities" | "fetchProof" | "reportProofs"> {
  const enrolled = (workload: string): Result<void, AgentRefusal> => {
    if (fleet.get(workload) !== undefined) return ok(undefined);
    const message = `the workload \`${workload}\` is no longer known; enrol its agent again`;
    return fail({ code: "precondition", message });
  };
  return {
    async offerProofKey(workload, offer) {
      const known = enrolled(workload);
      if (!known.ok) return known;
      const decoded = decodeKeyOffer(offer);
      if (!decoded.ok) return fail(invalid("the key offer", decoded.error));
      const taken = await proofs.offer(workload, decoded.value);
      return taken.ok
        ? taken
        : fail({ code: "precondition", message: `${taken.error}; enrol its agent again` });
    },
    async numberIdentities(workload, request) {
      const known = enrolled(workload);
      if (!known.ok) return known;
      const decoded = decodeProcesses(request);
      if (!decoded.ok) return fail(invalid("the request for numbers", decoded.error));
      return ok({ numbers: [...(await proofs.number(workload, decoded.value))] });
    },
    async fetchProof(workload, request) {
      const decoded = decodeFetch(request);
      if (!decoded.ok) return fail(invalid("the request for the proof state", decoded.error));
      return ok(proofs.fetch(workload, decoded.value.version, decoded.value.numbers));
    },
    async reportProofs(workload, report) {
      const decoded = decodeProofReport(report);
      if (!decoded.ok) return fail(invalid("the proof report", decoded.error));
      if (decoded.value.version !== null) proofs.has(workload, decoded.value.version);
      await proofs.report(workload, decoded.value.counts);
      return ok(undefined);
    },
  };
}

function invalid(what: string, why: string): AgentRefusal {
  return { code: "invalid", message: `${what} is not valid: ${why}` };
}
