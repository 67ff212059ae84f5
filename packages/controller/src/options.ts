import type { DestinationStream } from "pino";
import type { ControllerStartError } from "./start-error.ts";

/** Where the console, the command line and everything else of people's connects to, unless told otherwise. */
export const LISTEN_DEFAULT = "127.0.0.1:7480";
/** Where agents connect to, unless told otherwise; other hosts need an address of this one here. */
export const LISTEN_AGENTS_DEFAULT = "127.0.0.1:7481";

/** Operators' own access to hosts, which no rule can take away: `cidrs` may reach `ports` (such as `tcp/22`) of every host. */
export type ManagementEntry = { readonly cidrs: readonly string[]; readonly ports: readonly string[] };

export type ControllerOptions = {
  /** Holds the databases, the CA and the operator token; made if absent. */
  readonly dataDir: string;
  /** `ADDRESS:PORT` of the users' API and the console; port 0 takes any free one. */
  readonly listen?: string;
  /** `https://HOST[:PORT]` as browsers reach the users' API through a reverse proxy that speaks TLS. */
  readonly publicUrl?: string;
  /** `ADDRESS:PORT` of the agents' API; port 0 takes any free one. */
  readonly listenAgents?: string;
  /** `https://HOST:PORT` as agents reach this controller; default: the address listened on. */
  readonly advertiseAgents?: string;
  /** `postgres://…` instead of the private PostgreSQL. */
  readonly databaseUrl?: string;
  /** `http://…` of a ClickHouse server instead of the private chDB. */
  readonly clickhouseUrl?: string;
  /** Default: tcp/22 from private networks. An empty list leaves operators nothing but what rules allow. */
  readonly management?: readonly ManagementEntry[];
  /** Addresses of DNS resolvers every host may ask; default: what each host reports, else this machine's resolv.conf. */
  readonly resolvers?: readonly string[];
  /** Folder with the console's built files; default: packages/console/dist beside this package. */
  readonly consoleDir?: string;
  /** Takes the log, a JSON line at a time. It must neither throw nor wait: a full disk may not stop the controller's work. */
  readonly logTo: DestinationStream;
  /** `silent` in tests; default `info`. */
  readonly logLevel?: "silent" | "error" | "warn" | "info" | "debug";
  /** Days that flows are kept; default 30. */
  readonly retentionDays?: number;
};

/** A running controller. */
export type Controller = {
  /** `http://ADDRESS:PORT` of the users' API and the console. */
  readonly usersUrl: string;
  /** `https://HOST:PORT`, as written into enrolment tokens. */
  readonly agentsUrl: string;
  /** Mode 0600; its content is the bearer token of the local command line. */
  readonly operatorTokenFile: string;
  /** Why it can't go on, once it has ended everything: another controller took its database. Else it never settles. */
  readonly lost: Promise<ControllerStartError>;
  /** Ends everything it started, databases included; safe to call twice. */
  close(): Promise<void>;
};
