import { realpathSync } from "node:fs";
import type { ProcessIdentity } from "@ringwall/model";
import type { HostPolicy } from "@ringwall/policy/lower";
import { describeCapabilities, type ExecGateSupport } from "../capabilities.ts";
import type { CgroupLookup } from "../identify/cgroups.ts";
import type { FileTools } from "../identify/executable-file.ts";
import type { IdentityBook } from "../identify/identity-book.ts";
import type { Kernel, ProcessRef } from "../kernel/contract.ts";
import { createDeniedExecs, type DeniedExecs } from "./denied-execs.ts";
import { createExecControl, type ExecControl } from "./exec-control.ts";
import { createLsmVerdicts } from "./lsm-verdicts.ts";
import { createTamperWatch, type TamperWatch } from "./tampering.ts";

export type ExecWiring = {
  readonly kernel: Kernel;
  readonly book: IdentityBook;
  readonly tools: FileTools;
  readonly cgroups: CgroupLookup;
  readonly userName: (uid: number) => string;
  readonly identityOf: (process: ProcessRef) => ProcessIdentity | undefined;
  /** Whether a container is a workload of its own. */
  readonly isElsewhere: (container: string) => boolean;
  readonly scope: string;
  readonly paths: readonly string[] | undefined;
  readonly gate: ExecGateSupport;
  readonly onProblem: (message: string) => void;
};

export type ExecParts = {
  readonly control: ExecControl;
  readonly denied: DeniedExecs;
  readonly tampering: TamperWatch;
};

/** Exec control and what it tells, put together. */
export function wireExecControl(wiring: ExecWiring): ExecParts {
  const { kernel, book, tools, cgroups } = wiring;
  let listed: ReadonlySet<string> = new Set();
  const denied = createDeniedExecs();
  const tampering = createTamperWatch(tools, kernel.bootNs, (sha256) => listed.has(sha256));
  const { level } = describeCapabilities(kernel.capabilities(), "", wiring.gate);
  const { executableFacts } = book;
  const agentExe = realpathSync(process.execPath);
  const control = createExecControl({
    ...wiring,
    denied,
    tampering,
    available: wiring.gate.available,
    agentPid: process.pid,
    ownerOf: async (cgroupId, pid, uid) => {
      const { unit, container } = await cgroups.ownerOf(cgroupId, pid);
      return { user: wiring.userName(uid), unit, container };
    },
    tenantOf: cgroups.tenantOf,
    exeOf: (pid) => executableFacts(kernel.getTask(pid)?.exeId ?? 0)?.exe ?? null,
    executableFacts,
    remember: (key, { path, sha256, package: name, evidence, supersedes, interpreter }) => {
      // The keys as `identifyExecutable` orders them: equal facts have one number.
      const facts = {
        exe: path,
        exeSha256: sha256,
        package: name,
        evidence,
        ...(supersedes === undefined ? {} : { supersedes }),
        unattributable: null,
      };
      const exeId = book.executable(facts);
      if (exeId !== null) kernel.setExecutable(key, exeId, interpreter);
      return exeId ?? 0;
    },
    lsm: level === "lsm" ? createLsmVerdicts({ kernel, tools, executableFacts, agentExe }) : null,
  });
  const setPolicy = async (policy: HostPolicy | null) => {
    listed = listedDigests(policy);
    await control.setPolicy(policy);
  };
  return { control: { ...control, setPolicy }, denied, tampering };
}

function listedDigests(policy: HostPolicy | null): ReadonlySet<string> {
  const entries = Object.values(policy?.software ?? {}).flat();
  return new Set(entries.flatMap(({ executable }) => executable?.sha256 ?? []));
}
