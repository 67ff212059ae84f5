import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { processesIn } from "../../hosts/cgroup.ts";
import { CONTROLLER_DATA } from "../../ringwall/command.ts";
import { managedHosts } from "../../topology.ts";
import type { Stage } from "../cast.ts";

const KEYS = "/srv/agent/identity/proof-keys.json";
const RAW_KEY_BYTES = 32;

/** Each host's private keys are in one file that only root can read, and nowhere else where somebody could come across them. */
export async function keysAreKept(cast: Stage): Promise<void> {
  const { checks, lab } = cast;
  const secrets = managedHosts.flatMap((name) => privateKeysIn(lab.host(name).file(KEYS)));
  const open: string[] = [];
  for (const name of managedHosts) {
    const host = lab.host(name);
    for (const [file, mode] of [
      [KEYS, 0o600],
      [path.dirname(KEYS), 0o700],
      ["/srv/agent", 0o700],
    ] as const)
      if ((statSync(host.file(file)).mode & 0o777) !== mode) open.push(`${name}:${file}`);
    for (const argv of [
      ["cat", KEYS],
      ["ls", "/run/ringwall/bpf/agent"],
    ])
      if ((await host.run({ unit: "prove.service", user: "www-data", argv })).code === 0)
        open.push(`${name}: ${argv.join(" ")}`);
  }
  checks.add({
    tried: "another user reads a host's proof keys, or the kernel's maps",
    expected: "not on any host",
    seen: open.join("; ") || `refused on ${managedHosts.length} hosts`,
    passed: open.length === 0 && secrets.length >= managedHosts.length,
  });
  const found = await placesWith(cast, secrets);
  checks.add({
    tried: "private keys in arguments, environments, logs and the controller's data",
    expected: "none",
    seen: found.join("; ") || `none of ${secrets.length}`,
    passed: found.length === 0,
  });
}

/** As the file has them, as bytes, and in hexadecimal. */
function privateKeysIn(file: string): readonly Buffer[][] {
  const { keys } = JSON.parse(readFileSync(file, "utf8")) as { readonly keys: readonly { key: string }[] };
  return keys.map(({ key }) => {
    const raw = Buffer.from(key, "base64").subarray(-RAW_KEY_BYTES);
    return [Buffer.from(key), raw, Buffer.from(raw.toString("hex")), Buffer.from(raw.toString("base64"))];
  });
}

async function placesWith(
  { agents, controller, lab }: Stage,
  secrets: readonly Buffer[][],
): Promise<string[]> {
  const places: (readonly [name: string, read: () => Buffer])[] = [];
  for (const name of managedHosts) {
    places.push([`the agent's output on ${name}`, () => Buffer.from(agents.lines(name).join("\n"))]);
    for (const pid of processesIn(lab.host(name).cgroup))
      for (const what of ["cmdline", "environ"])
        places.push([`${what} of ${pid} on ${name}`, () => readFileSync(`/proc/${pid}/${what}`)]);
  }
  places.push(["the controller's output", () => Buffer.from(controller.lines.join("\n"))]);
  const data = lab.host("controller").file(CONTROLLER_DATA);
  for (const file of filesBelow(data)) places.push([file.slice(data.length), () => readFileSync(file)]);
  return places.flatMap(([name, read]) => {
    const bytes = ifThere(read, Buffer.alloc(0));
    return secrets.flat().some((secret) => bytes.includes(secret)) ? [name] : [];
  });
}

function filesBelow(folder: string): readonly string[] {
  const entries = ifThere(() => readdirSync(folder, { withFileTypes: true }), []);
  return entries.flatMap((entry) => {
    const inside = path.join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(inside);
    return entry.isFile() ? [inside] : [];
  });
}

/** Processes end and databases remove files and folders meanwhile. */
function ifThere<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
