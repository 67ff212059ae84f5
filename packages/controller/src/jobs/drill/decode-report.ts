import { fail, ok, type Result } from "@ringwall/model";
import { DRILL_ROWS_MAX, type DrillReport, DrillRole, DrillState } from "@ringwall/protocol/agent";
import { withoutNul } from "../status-report.ts";
import { known } from "./judge.ts";

const PROBLEM_LENGTH_MAX = 500;
const SKIPPED_LENGTH_MAX = 200;
const STEP = /^[a-z_-]{0,24}$/;
const ERRNO_MAX = 4095;

export type DecodedDrill = {
  readonly run: number;
  readonly role: DrillRole;
  readonly state: DrillState;
  readonly problem: string;
  readonly senderPort: number;
  readonly receiverPort: number;
  readonly attempts: readonly {
    readonly canary: string;
    readonly step: string;
    readonly errno: number;
    readonly skipped: string;
  }[];
  readonly arrived: ReadonlySet<string>;
};

/** A report of an agent, held against every limit. What it says of attempts that we do not know is dropped. */
export function decodeDrill(report: DrillReport): Result<DecodedDrill, string> {
  const { run, role, state, problem, senderPort, receiverPort } = report;
  if (run > BigInt(Number.MAX_SAFE_INTEGER)) return fail("`run` is none that a controller gave");
  if (!(role in DrillRole) || !(state in DrillState)) return fail("`role` or `state` is unknown");
  if (problem.length > PROBLEM_LENGTH_MAX) return fail("`problem` is too long");
  if (senderPort > 65_535 || receiverPort > 65_535) return fail("a port is none");
  if (report.attempts.length > DRILL_ROWS_MAX || report.arrived.length > DRILL_ROWS_MAX)
    return fail(`more than ${DRILL_ROWS_MAX} rows`);
  for (const { step, errno, skipped } of report.attempts) {
    if (!STEP.test(step) || errno > ERRNO_MAX || skipped.length > SKIPPED_LENGTH_MAX)
      return fail("an attempt says what none can say");
  }
  const attempts = report.attempts
    .filter(({ canary }) => known(canary))
    .map(({ canary, step, errno, skipped }) => ({ canary, step, errno, skipped: withoutNul(skipped) }));
  const arrived = new Set(report.arrived.filter(known));
  return ok({
    run: Number(run),
    role,
    state,
    problem: withoutNul(problem),
    senderPort,
    receiverPort,
    attempts,
    arrived,
  });
}
