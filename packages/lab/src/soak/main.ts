// `make soak MINUTES=30 [SEED=n]`: steady traffic over three hosts while agents, controller, disks and clocks misbehave.
//   packages/lab/src/soak/main.ts [--minutes N] [--seed N] [--or-skip]
// Exit codes: 0 nothing lost and nothing let through, 1 something was, 2 it could not run.
import { parseArgs } from "node:util";
import { NUMBER_MAX, parseDecimal, parseWhole, takeArguments } from "@ringwall/model/testing/arguments";
import { type Lab, openLab } from "../hosts/lab.ts";
import { interruption } from "../interruption.ts";
import { Checks } from "../report/checks.ts";
import { whyNot } from "../requirements.ts";
import { soak } from "./run-soak.ts";

const MINUTES_MIN = 0.1;
const MINUTES_MAX = 24 * 60;
/** For what comes before and after the traffic. */
const AROUND_MS_MAX = 900_000;

const given = takeArguments(process, "[--minutes N] [--seed N] [--or-skip]", () => {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "30" },
      seed: { type: "string", default: String(Math.floor(Math.random() * NUMBER_MAX)) },
      "or-skip": { type: "boolean", default: false },
    },
  });
  return {
    minutes: parseDecimal("--minutes", values.minutes, MINUTES_MIN, MINUTES_MAX),
    seed: parseWhole("--seed", values.seed, 0, NUMBER_MAX),
    orSkip: values["or-skip"],
  };
});
process.exit(await main());

async function main(): Promise<number> {
  const { minutes, seed, orSkip } = given;
  const missing = whyNot();
  if (missing !== null) {
    console.error(`soak: skipped: ${missing}`);
    console.log("0 passed, 0 failed, 1 skipped");
    return orSkip ? 0 : 2;
  }
  console.log(`seed ${seed}; the same choices again: make soak MINUTES=${minutes} SEED=${seed}`);
  const checks = new Checks();
  await run(checks, { minutes, seed });
  console.log(`\nseed ${seed}, ${checks.seconds} s; the last line counts the expectations`);
  console.log(`${checks.all.length - checks.failed} passed, ${checks.failed} failed, 0 skipped`);
  return checks.failed === 0 ? 0 : 1;
}

async function run(
  checks: Checks,
  options: { readonly minutes: number; readonly seed: number },
): Promise<void> {
  const interrupted = interruption(options.minutes * 60_000 + AROUND_MS_MAX);
  let lab: Lab | null = null;
  try {
    const opened = await openLab(["web", "app", "db", "client", "controller"]);
    lab = opened.lab;
    await Promise.race([soak(lab, checks, options), interrupted.promise]);
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error);
    checks.add({ tried: "the soak to its end", expected: "no error", seen, passed: false });
  } finally {
    await lab?.close();
    interrupted.forget();
  }
}
