import { fail, ok, type Result } from "@ringwall/model";
import type { DrillsReply, DrillView } from "@ringwall/protocol/rest";
import type { UserServices } from "../api/users/services.ts";
import { noSuchDrill, noSuchSchedule } from "../jobs/drill/refusals.ts";
import type { Refusal } from "../refusal.ts";
import { recordAudit } from "../store/state/audit.ts";
import {
  DRILLS_KEPT,
  deleteSchedule,
  loadDrills,
  loadSchedules,
  type StoredDrill,
  saveSchedule,
} from "../store/state/drills.ts";
import type { UserServicesParts } from "./parts.ts";

/** Drills that a list shows; older ones are found by their number. */
const LISTED_MAX = 20;

export function createDrillServices({
  db,
  drills,
}: UserServicesParts): Pick<UserServices, "drills" | "drill" | "startDrill" | "stopDrills"> {
  const list = async (): Promise<DrillsReply> => ({
    drills: (await loadDrills(db, LISTED_MAX)).map(viewOf),
    schedules: (await loadSchedules(db)).map(({ everySeconds, nextAt, ...rest }) => ({
      ...rest,
      every: everySeconds,
      next: nextAt.toISOString(),
    })),
  });
  const byRun = async (run: number): Promise<Result<DrillView, Refusal>> => {
    const found = (await loadDrills(db, DRILLS_KEPT)).find((one) => one.run === run);
    return found === undefined ? fail(noSuchDrill(run)) : ok(viewOf(found));
  };
  return {
    drills: list,
    drill: byRun,
    async startDrill({ source, destination, every }, { name }) {
      const started = await drills.start(source, destination, name);
      if (!started.ok) return started;
      if (every !== undefined) {
        const nextAt = new Date(Date.now() + every * 1000);
        await saveSchedule(db, { source, destination, everySeconds: every, nextAt, createdBy: name });
        await recordAudit(db, name, "schedule drills", { source, destination, every });
      }
      return byRun(started.value);
    },
    async stopDrills({ source, destination }, { name }) {
      if (!(await deleteSchedule(db, source, destination))) return fail(noSuchSchedule(source, destination));
      await recordAudit(db, name, "unschedule drills", { source, destination });
      return ok(await list());
    },
  };
}

function viewOf({ startedAt, endedAt, rows, ...drill }: StoredDrill): DrillView {
  return {
    ...drill,
    started: startedAt.toISOString(),
    ended: endedAt?.toISOString() ?? null,
    rows: [...rows],
  };
}
