import { readdir, readFile } from "node:fs/promises";
import { type Clock, type Execution, isOlderThan } from "./execution.ts";
import { splitVariable } from "./injecting-environment.ts";
import { python, pythonUserBase } from "./interpreters/python.ts";
import { scanOptions } from "./interpreters/scan-options.ts";
import { walkPath } from "./walk-path.ts";

/** Folders of Python versions below `lib` that are looked into. */
const VERSIONS_MAX = 64;

/**
 * Packages in the home directory, by which a user brings code into every Python script that is run as him. They count
 * like the variable that would name them: `PYTHONUSERBASE=…`. None: undefined.
 */
export async function userPackages(execution: Execution, clock: Clock): Promise<string | undefined> {
  const { argv, environment, tgid } = execution;
  const root = `/proc/${tgid}/root`;
  const variables = new Map(environment.map(splitVariable));
  const { options } = scanOptions(python, argv.slice(1));
  const home = variables.has("HOME") ? undefined : await homeOf(root, execution.uid);
  const base = pythonUserBase(options, variables, home);
  // A relative home is one for each directory: nobody can say where it was.
  if (base === undefined) return undefined;
  const found = base.startsWith("/") ? await holdsPackages(root, base, execution, clock) : true;
  return found ? `PYTHONUSERBASE=${base}` : undefined;
}

async function holdsPackages(
  root: string,
  base: string,
  execution: Execution,
  clock: Clock,
): Promise<boolean> {
  const lib = await walkPath(root, `${base}/lib`);
  // What was taken away since may have been read.
  if (lib === undefined) return isYoung(await walkPath(root, base), execution, clock);
  if (isYoung(lib, execution, clock)) return true;
  const versions = await readdir(root + lib.path).catch(() => []);
  for (const version of versions.filter((name) => name.startsWith("python")).slice(0, VERSIONS_MAX)) {
    const folder = await walkPath(root, `${lib.path}/${version}`);
    const site = await walkPath(root, `${lib.path}/${version}/site-packages`);
    if (isYoung(folder, execution, clock) || isYoung(site, execution, clock)) return true;
    const entries = site === undefined ? [] : await readdir(root + site.path).catch(() => []);
    if (entries.length > 0) return true;
  }
  return versions.length > VERSIONS_MAX;
}

function isYoung(walked: Awaited<ReturnType<typeof walkPath>>, execution: Execution, clock: Clock): boolean {
  return walked !== undefined && !isOlderThan(execution, walked.stat.ctimeNs, clock);
}

/** By the /etc/passwd that the process sees. */
async function homeOf(root: string, uid: number): Promise<string | undefined> {
  const walked = await walkPath(root, "/etc/passwd");
  if (walked === undefined || walked.stat.size > BigInt(PASSWD_BYTES_MAX)) return undefined;
  const text = await readFile(root + walked.path, "utf8").catch(() => "");
  const line = text.split("\n").find((one) => one.split(":")[2] === String(uid));
  return line?.split(":")[5];
}

/** A larger /etc/passwd is not read: its users have no home then. */
const PASSWD_BYTES_MAX = 1024 * 1024;
