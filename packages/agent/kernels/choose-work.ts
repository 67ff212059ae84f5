/** What of the guests' work is asked for. */
import { BadArgument } from "@ringwall/model/testing/arguments";
import { LAB_ACTS, LAB_ACTS_UNNAMED } from "./kernel-lab.ts";
import { chooseTests } from "./kernel-tests.ts";

export interface Asked {
  readonly loads: boolean;
  readonly lab: boolean;
  readonly only: readonly string[];
}

export interface Work {
  readonly loads: boolean;
  /** Test files. */
  readonly tests: readonly string[];
  /** Acts of the lab. */
  readonly acts: readonly string[];
}

/** Throws `BadArgument` where nothing would be left to do. */
export function chooseWork({ loads, lab, only }: Asked): Work {
  if (loads && (lab || only.length > 0))
    throw new BadArgument("`--loads` is all there is to do: leave out `--lab` and `--only`");
  if (loads) return { loads, tests: [], acts: [] };
  if (lab) return { loads, tests: [], acts: chooseActs(only) };
  const tests = chooseTests(only);
  // Vitest would take none for all of them.
  if (tests.length === 0)
    throw new BadArgument(`no test file for the guests has \`${only.join("` or `")}\` in its path`);
  const all = only.length === 0;
  return { loads: all, tests, acts: all ? LAB_ACTS_UNNAMED : [] };
}

function chooseActs(only: readonly string[]): readonly string[] {
  const unknown = only.filter((name) => !LAB_ACTS.includes(name));
  if (unknown.length > 0)
    throw new BadArgument(`no act \`${unknown.join("`, `")}\` of the lab; there are ${LAB_ACTS.join(", ")}`);
  return only.length === 0 ? LAB_ACTS_UNNAMED : LAB_ACTS.filter((act) => only.includes(act));
}
