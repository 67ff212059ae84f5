// `make lab`: the three-tier story on several hosts, told on real traffic.
//   packages/lab/src/main.ts [--json FILE] [--or-skip] [--only ACT]
//   --or-skip: being unable to run here is not an error; --only tiers|containers|proof: that act alone
// Exit codes: 0 everything as expected, 1 an expectation failed or a normal request was lost, 2 it could not run.
import { parseArgs } from "node:util";
import { BadArgument, takeArguments } from "@ringwall/model/testing/arguments";
import { type Lab, openLab } from "./hosts/lab.ts";
import { interruption } from "./interruption.ts";
import { Checks } from "./report/checks.ts";
import { checkWritable, saveRecord } from "./report/record.ts";
import { formatChecks } from "./report/table.ts";
import { whyNot } from "./requirements.ts";
import { onThisMachine } from "./slowness.ts";
import { type Act, acts, tellStory } from "./story/story.ts";
import type { Traffic } from "./traffic/driver.ts";

/** The whole run is ended when it takes longer: something hangs. */
const RUN_MS_MAX = 900_000;

const values = takeArguments(process, "[--json FILE] [--or-skip] [--only ACT]", () => {
  const given = parseArgs({
    options: { json: { type: "string" }, "or-skip": { type: "boolean" }, only: { type: "string" } },
  }).values;
  const tell = given.only === undefined ? tellStory : actNamed(given.only);
  if (given.json !== undefined) checkWritable(given.json);
  return { ...given, tell };
});
process.exit(await main(values.json, values["or-skip"] === true));

async function main(jsonFile: string | undefined, orSkip: boolean): Promise<number> {
  const missing = whyNot();
  if (missing !== null) {
    console.error(`lab: skipped: ${missing}`);
    console.log("0 passed, 0 failed, 1 skipped");
    return orSkip ? 0 : 2;
  }
  const started = new Date();
  const checks = new Checks();
  const traffic = await play(checks);
  if (jsonFile !== undefined) saveRecord(jsonFile, checks, traffic, started);
  console.log(`\n${formatChecks(checks.all)}\n`);
  const failed = checks.failed;
  console.log(`${checks.seconds} s; the last line counts the expectations`);
  console.log(`${checks.all.length - failed} passed, ${failed} failed, ${checks.skipped.length} skipped`);
  return failed === 0 ? 0 : 1;
}

/** The hosts, the story on them, and their end, whatever comes in between. */
async function play(checks: Checks): Promise<Traffic | null> {
  const interrupted = interruption(onThisMachine(RUN_MS_MAX));
  let lab: Lab | null = null;
  try {
    const opened = await openLab();
    lab = opened.lab;
    for (const run of opened.swept) checks.note(`cleaned up after run ${run}, which was killed`);
    return await Promise.race([values.tell(lab, checks), interrupted.promise]);
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error);
    checks.add({ tried: "the story to its end", expected: "no error", seen, passed: false });
    return null;
  } finally {
    await lab?.close();
    interrupted.forget();
  }
}

function actNamed(name: string): Act {
  const known = Object.hasOwn(acts, name) ? acts[name] : undefined;
  if (known !== undefined) return known;
  const names = Object.keys(acts).join("`, `");
  throw new BadArgument(`no act \`${name}\` that can be played alone; there are \`${names}\``);
}
