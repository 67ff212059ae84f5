/**
 * Debian's kernels, from its packages, fetched with apt under a root of its own, so that neither the machine's sources
 * nor its package state are touched. What is in the cache is not asked for again; `make clean` empties it.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface DebianKernel {
  /** The series it stands for. */
  readonly name: string;
  readonly suite: string;
  /** The image's package name in that suite; the newest that matches is taken. */
  readonly image: RegExp;
}

export const DEBIAN_KERNELS: readonly DebianKernel[] = [
  { name: "5.10", suite: "bullseye-security", image: /^linux-image-5\.10\.0-(\d+)-amd64$/ },
  { name: "6.1", suite: "bookworm-security", image: /^linux-image-6\.1\.0-(\d+)-amd64$/ },
  { name: "6.12", suite: "bookworm-security", image: /^linux-image-6\.12\.(\d+)\+deb12-amd64$/ },
];

export interface FetchedKernel {
  readonly name: string;
  readonly release: string;
  readonly folder: string;
}

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const MIRROR = "http://deb.debian.org/debian-security";
/** The first modules of a guest, and what the tests' hosts are made of. */
const MODULES_KEPT = /\/(?:9p|overlayfs|netfs|fscache|virtio|net|crypto|lib)\//;

/** The kernel unpacked in `cache`, or why it can't be had, in words. */
export function fetchKernel(kernel: DebianKernel, cache: string): FetchedKernel | string {
  const folder = path.join(cache, kernel.name);
  if (!existsSync(folder)) {
    try {
      unpack(kernel, cache, folder);
    } catch (error) {
      return `Debian's kernel ${kernel.name} could not be fetched: ${firstLine(error)}`;
    }
  }
  const [release] = readdirSync(path.join(folder, "lib/modules"));
  if (release === undefined) return `${folder} holds no kernel; remove it`;
  return { name: kernel.name, release, folder };
}

function unpack(kernel: DebianKernel, cache: string, folder: string): void {
  const apt = openAptRoot(path.join(cache, "apt", kernel.suite), kernel.suite);
  const names = execFileSync("apt-cache", [...apt.options, "pkgnames", "linux-image-"], { encoding: "utf8" });
  const newest = names
    .split("\n")
    .map((name) => ({ name, number: Number(kernel.image.exec(name)?.[1]) }))
    .filter(({ number }) => !Number.isNaN(number))
    .sort((a, b) => b.number - a.number)[0];
  if (newest === undefined) throw new Error(`${kernel.suite} has no package that matches ${kernel.image}`);
  const download = path.join(cache, `${kernel.name}.download`);
  rmSync(download, { recursive: true, force: true });
  mkdirSync(download, { recursive: true });
  execFileSync("apt-get", [...apt.options, "-qq", "download", newest.name], {
    cwd: download,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [archive] = readdirSync(download);
  if (archive === undefined) throw new Error(`${newest.name} was not downloaded`);
  execFileSync("dpkg-deb", ["-x", path.join(download, archive), download]);
  rmSync(path.join(download, archive));
  trim(download);
  renameSync(download, folder);
}

/** A kernel's modules are 300 MB, and a guest needs a tenth of them. */
function trim(root: string): void {
  rmSync(path.join(root, "usr"), { recursive: true, force: true });
  const modules = path.join(root, "lib/modules");
  for (const entry of readdirSync(modules, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && /\.ko(?:\.xz)?$/.test(entry.name) && !MODULES_KEPT.test(file)) rmSync(file);
  }
  for (const release of readdirSync(modules)) execFileSync("depmod", ["-b", root, release]);
}

function openAptRoot(root: string, suite: string): { readonly options: readonly string[] } {
  for (const folder of ["state/lists/partial", "cache/archives/partial", "parts", "preferences"]) {
    mkdirSync(path.join(root, folder), { recursive: true });
  }
  writeFileSync(path.join(root, "sources.list"), `deb [signed-by=${KEYRING}] ${MIRROR} ${suite} main\n`);
  writeFileSync(path.join(root, "state/status"), "");
  const settings = {
    "Dir::State": path.join(root, "state"),
    "Dir::State::status": path.join(root, "state/status"),
    "Dir::Cache": path.join(root, "cache"),
    "Dir::Etc::sourcelist": path.join(root, "sources.list"),
    "Dir::Etc::sourceparts": path.join(root, "parts"),
    "Dir::Etc::preferencesparts": path.join(root, "preferences"),
    "APT::Architecture": "amd64",
    "APT::Architectures": "amd64",
    "APT::Sandbox::User": "",
    "Acquire::Languages": "none",
    "Acquire::Check-Valid-Until": "false",
    "Acquire::Retries": "1",
    "Acquire::http::Timeout": "20",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  execFileSync("apt-get", [...options, "-qq", "update"], { stdio: ["ignore", "pipe", "pipe"] });
  return { options };
}

function firstLine(error: unknown): string {
  const stderr = (error as { stderr?: Buffer }).stderr?.toString().trim();
  const text = stderr || (error instanceof Error ? error.message : String(error));
  return text.split("\n")[0] ?? "";
}
