import { readFileSync } from "node:fs";
import path from "node:path";
import type { Lab } from "../hosts/lab.ts";
import { type HostName, ports } from "../topology.ts";
import { type Attack, type Seen, tryProgram } from "./attack.ts";

const SCAN = "/run/tmp/scan.py";
const scannedPorts = [ports.ssh, ports.http, 443, ports.postgres, ports.api, 9100];
/** The three tiers: what is in block when the scan is to find nothing. */
const scannedHosts: readonly HostName[] = ["web", "app", "db"];

export const attacksElsewhere: readonly Attack[] = [
  {
    id: "database-calls-out",
    title: "the database server's user calls the internet from a shell, IPv6",
    from: "db",
    to: "internet",
    expected: "blocked",
    trace: { source: "db", program: "bash", port: ports.http },
    attempt: callOut,
  },
  {
    id: "scan",
    title: "a scan of all three tiers (36 ports), management port apart",
    from: "jump",
    to: "web, app, db",
    expected: "blocked",
    trace: { source: "jump", program: "scan.py", port: ports.postgres },
    attempt: scan,
  },
];

function callOut(lab: Lab): Promise<Seen> {
  const script = [
    `exec 3<>/dev/tcp/internet6/${ports.http} || exit 1`,
    "printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3",
    "read -r -t 5 -u 3 answer || exit 1",
    'echo "reached: $answer"',
  ].join("\n");
  const argv = ["timeout", "8", "/usr/bin/bash", "-c", script];
  return tryProgram(lab, "db", { unit: "postgresql.service", user: "postgres", argv });
}

/** ssh stays open to the jump host by intent: what counts is whether anything else is found. */
async function scan(lab: Lab): Promise<Seen> {
  const jump = lab.host("jump");
  jump.writeFile(SCAN, readFileSync(path.join(import.meta.dirname, "programs/scan.py"), "utf8"));
  const argv = ["/usr/bin/python3", SCAN, scannedHosts.join(","), scannedPorts.join(",")];
  const ended = await jump.run({ unit: "operator.service", argv });
  const open = /^open:(.*)$/m.exec(ended.stdout)?.[1]?.trim().split(" ").filter(Boolean);
  if (open === undefined) throw new Error(`the scan did not run: ${ended.stderr}`);
  const found = open.filter((port) => !port.endsWith(`:${ports.ssh}`));
  const management = open.length - found.length;
  const detail = found.length > 0 ? found.join(" ") : `nothing but ssh on ${management} addresses`;
  return { reached: found.length > 0, detail };
}
