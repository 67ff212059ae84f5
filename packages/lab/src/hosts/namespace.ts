import path from "node:path";
import { onThisMachine } from "../slowness.ts";
import { type HostSpec, hosts, IPV4_BITS, IPV6_BITS } from "../topology.ts";
import { makeCgroup } from "./cgroup.ts";
import { LabHost } from "./host.ts";
import { runToEnd, Service } from "./process.ts";

const READY = "namespaces are up";
const READY_MS_MAX = 10_000;
const IP_MS_MAX = 10_000;

/**
 * Private places for what hosts write, on memory, so that they vanish with the namespace: users that the controller adds
 * for itself as well. Names instead of a resolver, so that no query leaves the lab, and a shell for operators that reads
 * none of the machine's own start-up files.
 */
const holderScript = `
set -e
echo $$ >"$1/cgroup.procs"
exec unshare --net --mount --ipc --uts --propagation private sh -c '
  set -e
  mount -t tmpfs -o mode=755 lab /srv
  mount -t tmpfs -o mode=755 lab /run
  mount -t tmpfs -o mode=1777 lab /dev/shm
  mkdir -m 1777 /run/tmp
  mkdir -m 755 /run/sshd /run/lock /run/etc /run/etc-work
  mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc-work lab /etc
  rm -f /etc/resolv.conf
  : >/etc/resolv.conf
  printf "%s" "$2" >/etc/hosts
  sed -i "/^root:/s|:[^:]*$|:/bin/sh|" /etc/passwd
  hostname "$1"
  sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
  ip link set lo up
  echo "${READY}"
  exec sleep infinity
' holder "$2" "$3"
`;

/** Makes a host without any network but loopback; `connectHosts` plugs it in. */
export async function makeHost(spec: HostSpec, runCgroup: string): Promise<LabHost> {
  const cgroup = path.join(runCgroup, spec.name);
  makeCgroup(cgroup);
  const holder = await holdNamespaces(spec.name, path.join(runCgroup, "holders"));
  return new LabHost(spec, cgroup, holder);
}

/** A router with a bridge, and a cable from it to each host. */
export async function connectHosts(all: readonly LabHost[], runCgroup: string): Promise<Service> {
  const router = await holdNamespaces("switch", path.join(runCgroup, "holders"));
  const gateways = new Map(all.map(({ spec }) => [spec.gateway4, spec.gateway6]));
  const inRouter = ["nsenter", `--target=${router.pid}`, "--net", "--mount", "--"];
  await ip(inRouter, [
    "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
    ...[...gateways].flatMap(([v4, v6]) => [
      `address add ${v4}/${IPV4_BITS} dev br0`,
      `address add ${v6}/${IPV6_BITS} dev br0 nodad`,
    ]),
    "link set br0 up",
  ]);
  await must([...inRouter, "sysctl", "-qw", ...routerSettings]);
  for (const host of all) await plugIn(host, router, inRouter);
  return router;
}

/** Takes a host's cable out, or puts it in again. */
export async function setLink(host: LabHost, state: "up" | "down"): Promise<void> {
  const lines = [`link set eth0 ${state}`, ...(state === "up" ? addresses(host.spec) : [])];
  await ip(host.entry, lines);
}

async function plugIn(host: LabHost, router: Service, inRouter: readonly string[]): Promise<void> {
  const { spec } = host;
  await ip(inRouter, [
    `link add ${spec.name} type veth peer name eth0 netns /proc/${hostPid(host)}/ns/net`,
    `link set ${spec.name} master br0 up`,
  ]);
  await ip(host.entry, ["link set eth0 up", ...addresses(spec)]);
  if (router.ended !== null) throw new Error("the lab's router ended");
}

/** `replace`, because taking a link down removes its routes and its IPv6 addresses. */
function addresses(spec: HostSpec): string[] {
  return [
    `address replace ${spec.ipv4}/${IPV4_BITS} dev eth0`,
    `address replace ${spec.ipv6}/${IPV6_BITS} dev eth0 nodad`,
    `route replace default via ${spec.gateway4}`,
    `-6 route replace default via ${spec.gateway6}`,
  ];
}

/** All networks share one wire, so the router would tell hosts of short cuts that the real thing does not have. */
const routerSettings = [
  "net.ipv4.ip_forward=1",
  "net.ipv6.conf.all.forwarding=1",
  "net.ipv4.conf.all.send_redirects=0",
  "net.ipv4.conf.br0.send_redirects=0",
];

function hostPid(host: LabHost): number {
  return Number(host.entry[1]?.split("=")[1]);
}

async function holdNamespaces(name: string, cgroup: string): Promise<Service> {
  makeCgroup(cgroup);
  const holder = new Service(name, ["sh", "-c", holderScript, "hold", cgroup, name, hostsFile()]);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`host ${name} does not come up: ${holder.tail()}`)),
      onThisMachine(READY_MS_MAX),
    );
    holder.onLine((line) => {
      if (line !== READY) return;
      clearTimeout(timer);
      resolve();
    });
  });
  return holder;
}

function hostsFile(): string {
  const lines = Object.values(hosts).flatMap((spec) => [
    `${spec.ipv4} ${spec.name} ${spec.name}4`,
    `${spec.ipv6} ${spec.name}6`,
  ]);
  return ["127.0.0.1 localhost", "::1 localhost", ...lines, ""].join("\n");
}

/** Many changes in one call of ip(8). */
async function ip(prefix: readonly string[], lines: readonly string[]): Promise<void> {
  const families = [
    lines.filter((line) => !line.startsWith("-6 ")),
    lines.filter((line) => line.startsWith("-6 ")).map((line) => line.slice(3)),
  ];
  await must([...prefix, "ip", "-batch", "-"], `${families[0]?.join("\n")}\n`);
  if (families[1]?.length) await must([...prefix, "ip", "-6", "-batch", "-"], `${families[1].join("\n")}\n`);
}

async function must(argv: readonly string[], input = ""): Promise<void> {
  const ended = await runToEnd(argv, IP_MS_MAX, input);
  if (ended.code !== 0) throw new Error(`${argv.join(" ")}: ${ended.stderr.trim()}\n${input}`);
}
