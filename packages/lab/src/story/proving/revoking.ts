import { setTimeout as sleep } from "node:timers/promises";
import type { Service } from "../../hosts/process.ts";
import { onThisMachine } from "../../slowness.ts";
import type { Stage } from "../cast.ts";
import { addSeen, until } from "./expecting.ts";
import { connect, connectForever, ports } from "./programs.ts";

const ENDS = { from: "backup", to: "db" } as const;
const SETTLED_MS = onThisMachine(3000);
const ATTEMPTS_MIN = 20;
const STOP_MS_MAX = 5000;

type Attempt = {
  readonly greeted: boolean;
  readonly beganMs: number;
  readonly endedMs: number;
  readonly error: string;
};

/**
 * A host is forgotten while it connects all the time, by a rule that names its address and program: no proof of it counts
 * from then on. It enrols anew, and gets its policy and its keys without an attempt that is refused in between.
 */
export async function revokeAndEnrolAnew(cast: Stage): Promise<void> {
  const { lab, operator, agents } = cast;
  const late = () => connect(lab, ENDS.from, "db4", ports.late);
  addSeen(cast, { ...ENDS, tried: "before: `verified: required`", expected: "gets through" }, await late());
  const client = connectForever(lab, ENDS.from, "db4", ports.byAddress);
  await until(async () => attemptsOf(client).length >= ATTEMPTS_MIN);
  const askedMs = Date.now();
  await operator.type("forget", ENDS.from);
  const forgottenMs = Date.now();
  await sleep(SETTLED_MS);
  await client.stop("SIGTERM", STOP_MS_MAX);
  checkRevoked(cast, attemptsOf(client), askedMs, forgottenMs);
  addSeen(cast, { ...ENDS, tried: "forgotten: `verified: required`", expected: "refused" }, await late());
  const comes = connectForever(lab, ENDS.from, "db4", ports.late);
  await agents.enrolAnew(ENDS.from);
  await until(async () => attemptsOf(comes).at(-1)?.greeted === true);
  await agents.settled();
  await sleep(SETTLED_MS);
  await comes.stop("SIGTERM", STOP_MS_MAX);
  checkEnrolled(cast, attemptsOf(comes));
}

/** By the order of what happened, not by time: from the first refusal on all are refused. The time is told. */
function checkRevoked(
  { checks }: Stage,
  attempts: readonly Attempt[],
  askedMs: number,
  forgottenMs: number,
): void {
  const first = attempts.findIndex(({ greeted, endedMs }) => !greeted && endedMs > askedMs);
  const before = attempts.filter(({ endedMs }) => endedMs < askedMs);
  const after = first < 0 ? [] : attempts.slice(first);
  const greeted = after.filter((one) => one.greeted).length;
  const lastMs = attempts.findLast((one) => one.greeted)?.beganMs ?? 0;
  const lag = `the last that got through began ${lastMs - askedMs} ms after \`ringwall forget\` was typed`;
  checks.add({
    ...ENDS,
    tried: "a host that connects all the time is forgotten",
    expected: "every attempt is refused from then on",
    seen: `${after.length - greeted} refused, ${greeted} not; ${lag}, ${lastMs - forgottenMs} ms after it ended`,
    passed: before.every((one) => one.greeted) && after.length > 0 && greeted === 0,
  });
}

function checkEnrolled({ checks }: Stage, attempts: readonly Attempt[]): void {
  const first = attempts.findIndex((one) => one.greeted);
  const after = first < 0 ? [] : attempts.slice(first);
  const refused = after.filter((one) => !one.greeted);
  const why = [...new Set(refused.map((one) => one.error))].join(", ");
  checks.add({
    ...ENDS,
    tried: "it enrols anew, under `verified: required`",
    expected: "from the first that gets through on all do",
    seen: `${first} refused before, then ${after.length - refused.length} through and ${refused.length} refused${why && `: ${why}`}`,
    passed: after.length > ATTEMPTS_MIN && refused.length === 0,
  });
}

function attemptsOf(client: Service): readonly Attempt[] {
  return client.lines.flatMap((line) => {
    const [how, began, ended, ...error] = line.split(" ");
    if (how !== "greeted" && how !== "refused") return [];
    return [
      { greeted: how === "greeted", beganMs: Number(began), endedMs: Number(ended), error: error.join(" ") },
    ];
  });
}
