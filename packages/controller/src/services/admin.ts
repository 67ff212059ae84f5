import { fail, type Labels, ok } from "@ringwall/model";
import type { UserServices } from "../api/users/services.ts";
import { workloadViews } from "../jobs/fleet-views.ts";
import { pausedAlert } from "../jobs/local-actions.ts";
import { createToken } from "../pki/enrollment-token.ts";
import { recordAudit } from "../store/state/audit.ts";
import { saveToken } from "../store/state/enrollment.ts";
import { type UserServicesParts, worldInForce } from "./parts.ts";
import { agentAway, carriedWorkload, unknownWorkload } from "./refusals.ts";

const TOKEN_TTL_SECONDS_DEFAULT = 3_600;

/** Tokens, labels, removal of workloads. */
export function createAdmin(
  parts: UserServicesParts,
): Pick<UserServices, "createEnrollmentToken" | "labelWorkload" | "pauseWorkload" | "removeWorkload"> {
  const { db, fleet, hub, changes, authority } = parts;
  return {
    async createEnrollmentToken(body, actor) {
      const token = createToken(parts.agentsUrl(), authority.fingerprint);
      const expires = new Date(Date.now() + (body.ttlSeconds ?? TOKEN_TTL_SECONDS_DEFAULT) * 1000);
      const { hash } = token;
      const labels = body.labels ?? {};
      await saveToken(db, {
        hash,
        workload: body.workload ?? null,
        labels,
        createdBy: actor.name,
        expires,
        uses: body.uses ?? 1,
      });
      const audited = { workload: body.workload ?? null, labels, uses: body.uses ?? 1, expires };
      await recordAudit(db, actor.name, "create enrolment token", audited);
      return ok({ token: token.text, expires: expires.toISOString() });
    },
    async labelWorkload(name: string, labels: Labels, actor) {
      const before = fleet.get(name)?.labels ?? {};
      if ((await fleet.setLabels(name, labels)) === null) {
        return fail(unknownWorkload(name));
      }
      await recordAudit(db, actor.name, "label workload", { name, before, after: labels });
      changes.inventoryChanged();
      parts.onChange();
      const { set, inventory } = worldInForce(parts);
      const view = workloadViews(set, inventory, parts).find((one) => one.name === name);
      if (view === undefined) throw new Error("bug: a labelled workload without a view");
      return ok(view);
    },
    async pauseWorkload(name, { seconds, reason }, actor) {
      if (fleet.get(name) === undefined) return fail(unknownWorkload(name));
      const carrier = name.split("/")[0] ?? name;
      if (carrier !== name && fleet.get(carrier) !== undefined) return fail(carriedWorkload(name, carrier));
      const nowMs = Date.now();
      const untilMs = nowMs + seconds * 1000;
      const until = seconds === 0 ? null : new Date(untilMs).toISOString();
      if (!hub.isConnected(name)) return fail(agentAway(name));
      const what = seconds === 0 ? "resume enforcement" : "pause enforcement";
      // First, so that nothing is ordered that the audit does not have.
      await recordAudit(db, actor.name, what, { workload: name, reason, until });
      const sent = hub.send(name, {
        case: "pause",
        value: { $typeName: "ringwall.agent.v1.Pause", seconds },
      });
      if (!sent) return fail(agentAway(name));
      if (seconds > 0) await parts.alert([pausedAlert(name, actor.name, untilMs, nowMs)]);
      parts.onChange();
      return ok({ workload: name, until });
    },
    async removeWorkload(name, actor) {
      if (fleet.get(name) === undefined) return fail(unknownWorkload(name));
      await parts.credentials.revoke(name);
      hub.disconnect(name);
      // Its peers stop believing it before anything else is done.
      await parts.proofs.revoke(name);
      await fleet.remove(name);
      parts.proofs.addressesChanged();
      await recordAudit(db, actor.name, "remove workload", { name });
      changes.inventoryChanged();
      parts.onChange();
      return ok({ removed: name });
    },
  };
}
