import type { Mode, ProcessIdentity } from "@ringwall/model";
import { isEssentialExec } from "./essential-execs.ts";
import type { HostPolicy } from "./host-policy.ts";
import { type HostSoftwareEntry, type KnownProcess, matchSoftware } from "./match-software.ts";

/** What `run` rules say of an execution: an allow list, default deny. */
export type ExecDecision = {
  readonly decision: "allow" | "deny";
  /** `POLICY/RULE NAME`, `essential/exec`, `default`, or `ungoverned`. */
  readonly rule: string;
};

/** A file that is about to be executed: as a program, as a `#!` script, or as what loads or interprets one. */
export type StartedFile = Pick<ProcessIdentity, "package" | "evidence" | "supersedes"> & {
  readonly path: string;
  readonly sha256: string | null;
  /** It runs scripts. */
  readonly interpreter: boolean;
  /** The dynamic loader, which the kernel opens for nearly every program. */
  readonly loader: boolean;
  /** It is the essential executable that its path says. */
  readonly essential: boolean;
};

export type ExecJudge = {
  readonly mode: Mode | null;
  /** Judges a process that runs. `isEssential`: it is the essential executable that its path says. */
  readonly judge: (identity: ProcessIdentity, isEssential: boolean) => ExecDecision;
  /**
   * Judges a file before its arguments are known. Denies only what no arguments could make right: whoever is let
   * through is judged again by `judge`.
   */
  readonly mayStart: (file: StartedFile) => ExecDecision;
};

/** Pure: the `run` rules of one host, as `decideExec` reads them. */
export function createExecJudge(policy: HostPolicy | null): ExecJudge {
  const mode = policy?.modes.processes ?? null;
  const rules = (policy?.run ?? []).map(({ name, software }) => ({
    name,
    entries: software.flatMap((one) => policy?.software[one] ?? []),
  }));
  const ungoverned = mode === null || (rules.length === 0 && mode !== "block");
  const decide = (
    isEssential: boolean,
    allows: (entries: readonly HostSoftwareEntry[]) => boolean,
  ): ExecDecision => {
    if (isEssential) return { decision: "allow", rule: "essential/exec" };
    if (ungoverned) return { decision: "allow", rule: "ungoverned" };
    const hit = rules.find((rule) => allows(rule.entries));
    return hit === undefined ? { decision: "deny", rule: "default" } : { decision: "allow", rule: hit.name };
  };
  return {
    mode,
    judge: (identity, isEssential) =>
      decide(
        isEssential && isEssentialExec(identity.exe),
        (entries) => matchSoftware(entries, identity) === true,
      ),
    mayStart: (file) =>
      decide(file.loader || (file.essential && isEssentialExec(file.path)), (entries) =>
        entries.some((entry) => couldBe(entry, file)),
      ),
  };
}

/** Whether some arguments, environment and owner would make this file part of the entry. */
function couldBe(entry: HostSoftwareEntry, file: StartedFile): boolean {
  const { executable, script, upgrades } = entry;
  const how = upgrades === undefined ? {} : { upgrades };
  if (script !== undefined && matchSoftware([{ ...how, script }], asScript(file)) === true) return true;
  if (executable === undefined) return script === undefined || file.interpreter;
  return matchSoftware([{ ...how, executable }], asExecutable(file)) === true;
}

const NOTHING_MORE = {
  script: null,
  scriptSha256: null,
  unattributable: null,
  user: undefined,
  unit: undefined,
  container: undefined,
  image: undefined,
  environment: [],
} as const;

function asExecutable({ path, sha256, package: name, evidence, supersedes = [] }: StartedFile): KnownProcess {
  const script = { scriptSupersedes: undefined };
  return { ...NOTHING_MORE, ...script, exe: path, exeSha256: sha256, package: name, evidence, supersedes };
}

function asScript(file: StartedFile): KnownProcess {
  const { path: script, sha256: scriptSha256, supersedes: scriptSupersedes = [] } = file;
  return { ...asExecutable(file), script, scriptSha256, scriptSupersedes };
}
