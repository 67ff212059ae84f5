import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { saysReady, startReady } from "../../apps/start.ts";
import { type Seen, seenBy } from "../../attacks/attack.ts";
import type { Lab } from "../../hosts/lab.ts";
import type { Service } from "../../hosts/process.ts";
import { onThisMachine } from "../../slowness.ts";
import type { HostName } from "../../topology.ts";

const PYTHON = "/usr/bin/python3";
const UNIT = "prove.service";
const OWN = path.join(import.meta.dirname, "../../attacks/programs");
export const PROVER = "/srv/prove/client.py";
export const ANSWERER = "/srv/prove/server.py";
/** The same text and one comment more: other programs to everybody who looks at content. */
export const OTHER_PROVER = "/srv/prove/other-client.py";
export const OTHER_ANSWERER = "/srv/prove/other-server.py";
const FORGE = "/srv/prove/forge.py";

/** Ports of the act: one for each kind of rule (`provisionProving`). */
export const ports = {
  preferred: 7001,
  second: 7002,
  required: 7003,
  byAddress: 7004,
  answers: 7005,
  late: 7006,
  datagrams: 7007,
  datagramsRequired: 7008,
} as const;
const TRY_SECONDS = 8;
const TRY_MS_MAX = 30_000;
const MANY_MS_MAX = 120_000;

export function installProvers(lab: Lab): void {
  for (const name of ["web", "app", "db", "backup"] as const) {
    const host = lab.host(name);
    host.writeFile(PROVER, own("prove-client.py"));
    host.writeFile(ANSWERER, own("prove-server.py"));
    host.writeFile(OTHER_PROVER, `${own("prove-client.py")}# another\n`);
    host.writeFile(OTHER_ANSWERER, `${own("prove-server.py")}# another\n`);
    host.writeFile(FORGE, own("forge.py"));
  }
}

export function digestOfOwn(program: "prove-client.py" | "prove-server.py"): string {
  return createHash("sha256").update(own(program)).digest("hex");
}

export function startServer(
  lab: Lab,
  on: HostName,
  script: string,
  listen: readonly number[],
  datagrams: readonly number[] = [],
): Promise<Service> {
  const argv = [PYTHON, script, ...listen.map(String), ...datagrams.map(inDatagrams)];
  return startReady(lab.host(on), { unit: "prove-server.service", argv }, saysReady);
}

export type Client = {
  readonly script?: string;
  /** In no control group that the host's agent sees. */
  readonly outside?: boolean;
  readonly seconds?: number;
  readonly count?: number;
  /** Datagrams until one is answered, instead of a connection. */
  readonly datagrams?: boolean;
};

/** One connection to a server's port, or `count` of them; `to` is a name such as `db4`. */
export async function connect(
  lab: Lab,
  from: HostName,
  to: string,
  port: number,
  { script = PROVER, outside = false, seconds = TRY_SECONDS, count, datagrams = false }: Client = {},
): Promise<Seen> {
  const times = count === undefined ? [] : [String(count)];
  const at = datagrams ? inDatagrams(port) : String(port);
  const argv = [PYTHON, script, to, at, String(seconds), ...times];
  const msMax = count === undefined ? TRY_MS_MAX : MANY_MS_MAX;
  return seenBy(await lab.host(from).run({ unit: UNIT, argv, outside }, msMax));
}

/** Connects until it is ended, and says of each attempt when it began, when it ended and how. */
export function connectForever(lab: Lab, from: HostName, to: string, port: number): Service {
  const argv = [PYTHON, PROVER, to, String(port), String(TRY_SECONDS), "forever"];
  return lab.host(from).start({ unit: UNIT, argv });
}

/** The SYN of what `work` does first towards the port, as it left the host. */
export async function captureSyn(
  lab: Lab,
  from: HostName,
  port: number,
  work: () => Promise<unknown>,
): Promise<string> {
  const argv = [PYTHON, FORGE, "capture", String(port)];
  const capture = await startReady(lab.host(from), { unit: "forge.service", outside: true, argv }, saysReady);
  const captured = new Promise<string>((resolve, reject) => {
    capture.onLine((line) => line.startsWith("syn ") && resolve(line.slice(4)));
    setTimeout(
      () => reject(new Error(`no SYN to port ${port} was seen: ${capture.tail()}`)),
      onThisMachine(TRY_MS_MAX),
    );
  });
  const [syn] = await Promise.all([captured, work()]);
  return syn;
}

/** Sends a captured SYN, changed or not, from outside the agent's reach. */
export async function inject(lab: Lab, from: HostName, syn: string, ...changes: string[]): Promise<Seen> {
  const argv = [PYTHON, FORGE, "inject", syn, ...changes];
  return seenBy(await lab.host(from).run({ unit: "forge.service", outside: true, argv }, TRY_MS_MAX));
}

/** As the programs are told of a port. */
function inDatagrams(port: number): string {
  return `udp/${port}`;
}

function own(name: string): string {
  return readFileSync(path.join(OWN, name), "utf8");
}
