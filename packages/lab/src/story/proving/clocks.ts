import path from "node:path";
import { pathToFileURL } from "node:url";
import { setLink } from "../../hosts/namespace.ts";
import { PIN } from "../../ringwall/agents.ts";
import type { Stage } from "../cast.ts";
import { addSeen, until } from "./expecting.ts";
import { connect, ports } from "./programs.ts";

const ENDS = { from: "app", to: "db" } as const;
const APART_MS = 180_000;
const RESYNC_MS_MAX = 60_000;
const SHIFT = pathToFileURL(path.join(import.meta.dirname, "../../ringwall/shift-clock.ts")).href;

/** A host that boots with a wrong clock and without its controller is refused by name; the controller's time mends it. */
export async function clocksApart(cast: Stage): Promise<void> {
  const { agents, checks, lab } = cast;
  const ask = () => connect(lab, ENDS.from, "db4", ports.preferred);
  const says = (name: "app" | "db", words: string) =>
    messageOf(agents.lines(name).findLast((line) => line.includes(words)));
  await setLink(lab.host("controller"), "down");
  try {
    const environment = { NODE_OPTIONS: `--import=${SHIFT}`, RW_CLOCK_SHIFT_MS: String(APART_MS) };
    // As after a reboot: an agent that finds its forerunner's programs goes on by the controller's time that they know.
    await agents.stop(ENDS.from);
    await lab.host(ENDS.from).must(["rm", "-rf", PIN]);
    await agents.restartOne(ENDS.from, { environment });
    await until(async () => says(ENDS.from, "judging for") !== "");
    const tried = "clocks 3 minutes apart, no controller";
    addSeen(cast, { ...ENDS, tried, expected: "refused" }, await ask());
    const named = () => says(ENDS.to, `the clock of \`${ENDS.from}\` is about`);
    await until(async () => named() !== "");
    checks.add({
      ...ENDS,
      tried: "the refusing host names the fault",
      expected: "by how much the clock is off",
      seen: named() || "not named",
      passed: /about (128|192) s ahead/.test(named()),
    });
  } finally {
    await setLink(lab.host("controller"), "up");
  }
  let again = await ask();
  await until(async () => {
    if (!again.reached) again = await ask();
    return again.reached;
  }, RESYNC_MS_MAX);
  addSeen(
    cast,
    { ...ENDS, tried: "the same clock, by the controller's time", expected: "gets through" },
    again,
  );
  const own = says(ENDS.from, "off the controller's");
  checks.add({
    tried: "the host with the wrong clock says so",
    expected: "180 s off",
    seen: own || "nothing",
    passed: own.includes("-180 s off the controller's"),
  });
  await agents.restartOne(ENDS.from, {});
  await agents.settled();
}

/** Empty where there is no such line. */
function messageOf(line: string | undefined): string {
  return line === undefined ? "" : String((JSON.parse(line) as { msg?: unknown }).msg);
}
