import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type WorkloadView, workloadView } from "@ringwall/protocol/rest";
import type { LabHost } from "../hosts/host.ts";
import type { Service } from "../hosts/process.ts";
import { CONTROLLER_DATA, ringwall } from "../ringwall/command.ts";
import { onThisMachine } from "../slowness.ts";
import type { Scene } from "./cast.ts";
import { upgradeInMidRun } from "./upgrading.ts";

const HOST = "internet";
const NAME = "edge";
const ID_SHOWN = 12;
const PORT = "8088";
const SETTLE_MS_MAX = 60_000;
const POLL_MS = 300;
const TRY_MS_MAX = 15_000;
const STOP_MS_MAX = 5000;
const CLIENT = "/srv/carried-client.py";

/** A control group as an engine names it, and a network namespace that a server holds open. */
type Container = {
  readonly id: string;
  readonly name: string;
  readonly cgroup: string;
  readonly server: Service;
};

/**
 * One agent on a machine with two containers, each in a segment of its own: the same program on the same port gets through
 * in one and not in the other. The machine had no agent before, so nothing of the story so far hangs on it.
 */
export async function carryContainers(cast: Scene): Promise<void> {
  const { checks, operator, lab } = cast;
  checks.phase("Containers: one agent, two workloads of their own on one host");
  const host = lab.host(HOST);
  host.writeFile(CLIENT, CLIENT_PROGRAM);
  host.writeFile("/srv/carried-server.py", SERVER_PROGRAM);
  await sleep(POLL_MS);
  const closed = startContainer(host);
  const open = startContainer(host);
  const file = `${CONTROLLER_DATA}-${NAME}.token`;
  await operator.type("token", "create", "--name", NAME, "-o", file);
  host.writeFile("/run/ringwall-token", await lab.host("controller").must(["cat", file]), 0o600);
  const places = ["--state", "/srv/agent", "--pin", "/run/ringwall/bpf/agent", "--cgroup", host.cgroup];
  const args = [
    "agent",
    "run",
    "--containers",
    "--name",
    NAME,
    "--label",
    "app=edge",
    ...places,
    "--token-file",
    "/run/ringwall-token",
  ];
  const agent = host.start(ringwall("ringwall-agent.service", args));
  try {
    const workloads = await settled(cast, [closed.name, open.name], agent);
    checks.add({
      tried: "containers enrolled by their host's agent",
      expected: "two, each with an address of its own or none of the host's",
      seen: workloads.map(({ name, labels }) => `${name} (carrier ${labels["carrier"]})`).join(", "),
      passed: workloads.every(
        ({ labels, addresses }) => labels["carrier"] === NAME && !addresses.includes(host.spec.ipv4),
      ),
    });
    lab.host("controller").writeFile("/srv/carried.yaml", policyFor(closed));
    await operator.type("apply", "/srv/carried.yaml");
    await operator.type("provision", "--note", "a segment for one container");
    await operator.type("confirm");
    await settled(cast, [closed.name, open.name], agent);
    await tryIn(cast, host, closed, "blocked");
    await tryIn(cast, host, open, "gets through");
    await upgradeInMidRun(cast, host, NAME);
  } finally {
    await Promise.all([agent, closed.server, open.server].map((one) => one.stop("SIGTERM", STOP_MS_MAX)));
  }
  // Its agent is gone for good; others' proof keys would wait for it.
  await operator.type("forget", NAME);
}

function startContainer(host: LabHost): Container {
  const id = randomBytes(32).toString("hex");
  const unit = `docker-${id}.scope`;
  const cgroup = path.join(host.cgroup, "system.slice", unit);
  mkdirSync(cgroup, { recursive: true });
  const inside = `ip link set lo up && exec python3 /srv/carried-server.py ${PORT}`;
  const server = host.start({ unit, argv: ["unshare", "--net", "sh", "-c", inside] });
  return { id, name: `${NAME}/${id.slice(0, ID_SHOWN)}`, cgroup, server };
}

async function tryIn(
  { checks }: Scene,
  host: LabHost,
  container: Container,
  expected: string,
): Promise<void> {
  const argv = ["nsenter", `--net=/proc/${container.server.pid}/ns/net`, "python3", CLIENT, PORT];
  const ended = await host.run({ unit: `docker-${container.id}.scope`, argv }, TRY_MS_MAX);
  const seen = ended.stdout.includes("reached") ? "gets through" : "blocked";
  checks.add({
    tried: "the same program to the same port",
    from: container.name,
    to: container.name,
    expected,
    seen,
    passed: seen === expected,
  });
}

/** In block without any rule, loopback included; the other container is in no segment. */
function policyFor({ id }: Container): string {
  return `apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: carried-closed }
spec:
  workloads: { container: "${id.slice(0, ID_SHOWN)}" }
  modes: { inbound: observe, outbound: block, processes: observe }
  loopback: enforce
`;
}

async function settled(
  { operator }: Scene,
  names: readonly string[],
  agent: Service,
): Promise<WorkloadView[]> {
  const deadline = Date.now() + onThisMachine(SETTLE_MS_MAX);
  for (;;) {
    const workloads = await operator.ask(workloadView, "get", "workloads");
    const ours = workloads.filter(({ name }) => names.includes(name));
    const isReady = ({ agent: one }: WorkloadView) =>
      one?.connected === true && one.capability !== "none" && one.generation === one.generationWanted;
    if (ours.length === names.length && ours.every(isReady)) return ours;
    if (agent.ended !== null || Date.now() > deadline) {
      throw new Error(`the containers do not settle: ${JSON.stringify(ours)}\n${agent.tail()}`);
    }
    await sleep(POLL_MS);
  }
}

const SERVER_PROGRAM = `import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen(8)
while True:
    c, _ = s.accept()
    c.close()
`;
const CLIENT_PROGRAM = `import socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])), 8).close()
print("reached")
`;
