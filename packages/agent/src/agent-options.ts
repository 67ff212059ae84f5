import type { LocalAddress } from "./observe/addresses.ts";

/** What `ringwall agent run` may be told. Paths are absolute or relative to the working directory. */
export type AgentOptions = {
  /** Keys, journal, spool and `status.json`; made with mode 0700. */
  readonly stateDir: string;
  /** Folder in a bpffs that holds the pinned programs and maps; made where missing. */
  readonly pinDir: string;
  /** Folder of the cgroup2 tree whose processes this agent speaks for. */
  readonly cgroup: string;
  /** This host's workload name, proposed at enrolment; default: the host's name. */
  readonly workload?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** File with the enrolment token, `-` for standard input; needed once. `RINGWALL_TOKEN` does as well. */
  readonly tokenFile?: string;
  /** `https://HOST:PORT` instead of the address in the token. */
  readonly controller?: string;
  /** File systems in which executions are judged before they happen, each by a path in it; default: every one. */
  readonly execPaths?: readonly string[];
  /** Each container and pod below `cgroup` is a workload of its own (docs/containers.md). */
  readonly containers?: boolean;
  /** The workload's addresses where they are not this process's: a container's. */
  readonly addresses?: () => readonly LocalAddress[];
  /** Addresses by which other hosts know this one besides its own: where a NAT stands before it. */
  readonly alsoAt?: readonly string[];
  /** Another apt than the machine's, by its configuration file (APT_CONFIG): for other roots. */
  readonly aptConfig?: string;
  /** Another rpm database than rpm's own. */
  readonly rpmDb?: string;
  /** An optional kernel program to do without, as on a kernel that does not take it: for tests. */
  readonly without?: string;
  /** Another resolver configuration than /etc/resolv.conf. */
  readonly resolvConf?: string;
  /** Another dpkg database than /var/lib/dpkg. */
  readonly dpkgDir?: string;
  /** Proves software to other hosts' kernels and asks for their proofs (docs/proof.md). Default: yes. */
  readonly proof?: boolean;
  /** Proves software behind datagrams too, to hosts that do the same, and asks for such proofs. Default: no. */
  readonly proveDatagrams?: boolean;
  /** Milliseconds between two keys of the proof. */
  readonly proofPeriodMs?: number;
  /** Milliseconds between two looks for identities whose control group is gone: for tests. */
  readonly identitiesEveryMs?: number;
  /** Called once, when the kernel programs are attached and the agent judges, before the controller was heard. */
  readonly onReady?: () => void;
  /** Ends the agent. Enforcement stays pinned. */
  readonly signal: AbortSignal;
};

/** Where a command finds an agent's state without being the agent. */
export type AgentPlaces = Pick<AgentOptions, "stateDir" | "pinDir">;
