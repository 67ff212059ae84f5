import type { LabHost } from "../hosts/host.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Ended, Service } from "../hosts/process.ts";
import { onThisMachine } from "../slowness.ts";
import type { HostName } from "../topology.ts";
import { startReady } from "./start.ts";

/** The hosts that operators administer from the jump host. */
export const administered: readonly HostName[] = ["web", "app", "db", "backup"];

const KEY = "/srv/ssh/key";
const SSH_MS_MAX = 20_000;

/** OpenSSH on every administered host, with keys of this run only. */
export async function startSshServers(lab: Lab): Promise<readonly Service[]> {
  const jump = lab.host("jump");
  await makeKey(jump);
  const operatorKey = await jump.must(["cat", `${KEY}.pub`]);
  return Promise.all(administered.map((name) => startServer(lab.host(name), operatorKey)));
}

/** What an operator does: a command on a host, over ssh from the jump host. */
export function administer(lab: Lab, name: HostName, family: 4 | 6): Promise<Ended> {
  const options = [
    "-q",
    "-o",
    "BatchMode=yes",
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    `ConnectTimeout=${onThisMachine(15)}`,
  ];
  const files = ["-F", "none", "-i", KEY, "-o", "UserKnownHostsFile=/dev/null"];
  const argv = ["/usr/bin/ssh", ...options, ...files, `root@${name}${family}`, "hostname"];
  return lab.host("jump").run({ unit: "operator.service", argv }, SSH_MS_MAX);
}

async function startServer(host: LabHost, operatorKey: string): Promise<Service> {
  await makeKey(host);
  host.writeFile("/srv/ssh/authorized_keys", operatorKey, 0o600);
  host.writeFile("/srv/ssh/sshd_config", configuration);
  const argv = ["/usr/sbin/sshd", "-D", "-e", "-f", "/srv/ssh/sshd_config"];
  return startReady(host, { unit: "ssh.service", argv }, (service) =>
    service.lines.some((line) => line.startsWith("Server listening on ::")),
  );
}

async function makeKey(host: LabHost): Promise<void> {
  await host.must(["install", "-d", "-m", "700", "/srv/ssh"]);
  await host.must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", KEY]);
}

const configuration = `
Port 22
HostKey ${KEY}
AuthorizedKeysFile /srv/ssh/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
UseDNS no
`;
