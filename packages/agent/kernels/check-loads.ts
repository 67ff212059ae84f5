/** What the loader's `check` said in a guest, as checks: each program loads, or is optional and says why not. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { FetchedKernel } from "./debian-kernels.ts";
import type { GuestResult } from "./guest.ts";
import type { Totals } from "./kernel-tests.ts";

/** A quarter of what the verifier walks at the very most: room for what other kernels and compilers make of it. */
export const INSTRUCTIONS_MAX = 250_000;
const CONSOLE_LINES = 20;
/** EACCES in words. */
const REFUSED = "Permission denied";

const loadsSchema = z.object({
  kernel: z.string(),
  loaded: z.boolean(),
  why: z.string(),
  programs: z.array(
    z.object({
      name: z.string(),
      loaded: z.boolean(),
      optional: z.boolean(),
      instructionsVerified: z.number(),
      why: z.string(),
    }),
  ),
});
type Loads = z.infer<typeof loadsSchema>;

export function checkLoads(kernel: FetchedKernel, result: GuestResult, folder: string): Totals {
  const file = path.join(folder, "loads.json");
  const loads = existsSync(file) ? parseLoads(readFileSync(file, "utf8")) : undefined;
  if (loads === undefined || loads.kernel !== kernel.release) {
    const how = result.timedOut ? "took too long" : "ended without an answer";
    console.log(`kernel ${kernel.name}: the guest ${how}`);
    console.log(result.console.trimEnd().split("\n").slice(-CONSOLE_LINES).join("\n"));
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const problems = loads.programs.map((program) => ({ program, problem: judgeProgram(program) }));
  for (const { program, problem } of problems) {
    if (problem !== undefined) console.log(`kernel ${loads.kernel}: \`${program.name}\` ${problem}`);
  }
  const absent = loads.programs.filter((program) => program.optional && !program.loaded);
  const most = loads.programs.reduce((a, b) => (a.instructionsVerified < b.instructionsVerified ? b : a));
  console.log(
    `kernel ${loads.kernel}: ${loads.programs.length - absent.length} programs load, ` +
      `not here: ${absent.map(({ name, why }) => `${name} (${why})`).join(", ") || "none"}; ` +
      `most instructions verified: ${most.instructionsVerified} (${most.name})`,
  );
  const failed = problems.filter(({ problem }) => problem !== undefined).length;
  return { passed: problems.length - failed, failed, skipped: 0 };
}

export function judgeProgram(program: Loads["programs"][number]): string | undefined {
  if (!program.loaded) {
    // What a kernel has not is EINVAL; this is its verifier, which would take a better program.
    if (!program.optional || program.why.startsWith(REFUSED)) return `does not load: ${program.why}`;
    return program.why === "" ? "does not load and nothing says why" : undefined;
  }
  if (program.instructionsVerified === 0) return "loads, but the verifier did not say how far it walked";
  if (program.instructionsVerified <= INSTRUCTIONS_MAX) return undefined;
  return `takes the verifier ${program.instructionsVerified} instructions, at most ${INSTRUCTIONS_MAX} are wanted`;
}

function parseLoads(text: string): Loads | undefined {
  try {
    return loadsSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
