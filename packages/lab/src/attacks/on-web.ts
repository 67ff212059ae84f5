import { chmodSync } from "node:fs";
import { WEB_UNIT } from "../apps/tiers.ts";
import type { Lab } from "../hosts/lab.ts";
import { ports } from "../topology.ts";
import { type Attack, type Seen, seenBy, tryProgram } from "./attack.ts";

const IMPOSTOR = "/run/tmp/nginx";
const NGINX = "/usr/sbin/nginx";
const USER = "www-data";

/** What somebody can do who came in through the web server: its user and unit. */
export const attacksOnWeb: readonly Attack[] = [
  {
    id: "same-name",
    title: "a new binary named nginx at another path",
    from: "web",
    to: "app",
    expected: "blocked",
    trace: { source: "web", program: "/nginx", port: ports.api },
    attempt: async (lab) => {
      placeImpostor(lab);
      return visit(lab, [IMPOSTOR]);
    },
  },
  {
    id: "replaced-in-place",
    title: "a new binary in nginx's own place, /usr/sbin/nginx",
    from: "web",
    to: "app",
    expected: "blocked",
    trace: { source: "web", program: "/nginx", port: ports.api },
    attempt: replaceNginx,
  },
  {
    id: "shell-ipv4",
    title: "a shell straight to the database",
    from: "web",
    to: "db",
    expected: "blocked",
    trace: { source: "web", program: "bash", port: ports.postgres },
    attempt: (lab) => shellTo(lab, "db4"),
  },
  {
    id: "shell-ipv6",
    title: "a shell straight to the database, IPv6",
    from: "web",
    to: "db",
    expected: "blocked",
    trace: { source: "web", program: "bash", port: ports.postgres },
    attempt: (lab) => shellTo(lab, "db6"),
  },
  {
    id: "lateral-ssh",
    title: "the management port, but not from the jump host",
    from: "web",
    to: "db",
    expected: "blocked",
    trace: { source: "web", program: "bash", port: ports.ssh },
    attempt: (lab) =>
      shell(lab, "db4", ports.ssh, ["read -r -t 5 -u 3 answer || exit 1", 'echo "reached: $answer"']),
  },
  {
    id: "call-outside",
    title: "a call to the internet with curl",
    from: "web",
    to: "internet",
    expected: "blocked",
    trace: { source: "web", program: "curl", port: ports.http },
    attempt: (lab) => visit(lab, ["/usr/bin/curl"], "http://internet4/"),
  },
];

/** curl under another name stands for whatever an attacker brings along. */
function placeImpostor(lab: Lab): void {
  lab.host("web").copyIn("/usr/bin/curl", IMPOSTOR);
  chmodSync(lab.host("web").file(IMPOSTOR), 0o755);
}

async function visit(lab: Lab, program: readonly string[], url = INSIDE): Promise<Seen> {
  const argv = [...program, ...curlFlags, url];
  return seenBy(await lab.host("web").run({ unit: WEB_UNIT, user: USER, argv }));
}

/** An endpoint that sends no metrics, so that the accounts of normal use stay exact. */
const INSIDE = "http://app4:8000/api/stats";
const curlFlags = ["-sS", "-m", "6", "-o", "/dev/null", "-w", "reached: answer %{http_code}\\n", "--fail"];

/** In a mount namespace of its own, since the file belongs to the machine: for the program, it is nginx's path. */
async function replaceNginx(lab: Lab): Promise<Seen> {
  placeImpostor(lab);
  const script = `mount --bind ${IMPOSTOR} ${NGINX} && exec "$@"`;
  const become = ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--init-groups"];
  const argv = ["unshare", "--mount", "sh", "-c", script, "replace", ...become, NGINX, ...curlFlags, INSIDE];
  return seenBy(await lab.host("web").run({ unit: WEB_UNIT, argv }));
}

/** PostgreSQL answers a request for TLS with one letter; that proves that it was reached. */
function shellTo(lab: Lab, name: string): Promise<Seen> {
  return shell(lab, name, ports.postgres, [
    "printf '\\0\\0\\0\\10\\4\\322\\26\\57' >&3",
    "read -r -t 5 -N 1 -u 3 answer || exit 1",
    'echo "reached: the database answers $answer"',
  ]);
}

/** bash alone, without any program that an administrator could have removed. */
function shell(lab: Lab, name: string, port: number, then: readonly string[]): Promise<Seen> {
  const script = [`exec 3<>/dev/tcp/${name}/${port} || exit 1`, ...then].join("\n");
  const argv = ["timeout", "8", "/usr/bin/bash", "-c", script];
  return tryProgram(lab, "web", { unit: WEB_UNIT, user: USER, argv });
}
