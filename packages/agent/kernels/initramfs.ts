/** The first file system of a guest: its first process and the modules that this needs to reach the host's files. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { FetchedKernel } from "./debian-kernels.ts";

const MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];
const EXECUTABLE = 0o100755;
const PLAIN = 0o100644;
const FOLDER = 0o040755;

export interface ArchiveEntry {
  readonly name: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

/** Writes the archive beside the kernel and returns its path. */
export function writeInitramfs(kernel: FetchedKernel, init: string): string {
  const root = path.join(kernel.folder, "lib/modules", kernel.release);
  const files = inOrder(readFileSync(path.join(root, "modules.dep"), "utf8"), MODULES);
  const modules = files.map((file) => ({
    name: path.basename(file).replace(/\.xz$/, ""),
    content: file.endsWith(".xz")
      ? execFileSync("xz", ["-dc", path.join(root, file)], { maxBuffer: 64 << 20 })
      : readFileSync(path.join(root, file)),
  }));
  const archive = formatCpio([
    { name: "init", mode: EXECUTABLE, content: readFileSync(init) },
    { name: "modules", mode: FOLDER, content: new Uint8Array() },
    ...modules.map(({ name, content }) => ({ name: `modules/${name}`, mode: PLAIN, content })),
    {
      name: "modules/list",
      mode: PLAIN,
      content: Buffer.from(modules.map(({ name }) => `${name}\n`).join("")),
    },
  ]);
  const file = path.join(kernel.folder, "initramfs.gz");
  writeFileSync(file, gzipSync(archive, { level: 1 }));
  return file;
}

/** Files of the wanted modules and of all they need, each after what it needs. What is not there is built in. */
export function inOrder(dependencies: string, wanted: readonly string[]): readonly string[] {
  const needs = new Map(
    dependencies
      .split("\n")
      .filter((line) => line.includes(":"))
      .map((line) => {
        const [file = "", rest = ""] = line.split(":");
        return [file, rest.trim().split(" ").filter(Boolean)] as const;
      }),
  );
  const byName = new Map([...needs.keys()].map((file) => [path.basename(file).replace(/\.ko.*$/, ""), file]));
  const ordered = new Set<string>();
  const visit = (file: string): void => {
    if (ordered.has(file)) return;
    for (const needed of needs.get(file) ?? []) visit(needed);
    ordered.add(file);
  };
  for (const name of wanted) {
    const file = byName.get(name);
    if (file !== undefined) visit(file);
  }
  return [...ordered];
}

/** The "new ASCII" cpio format, by the kernel's Documentation/driver-api/early-userspace/buffer-format.rst. */
export function formatCpio(entries: readonly ArchiveEntry[]): Uint8Array {
  const parts: Buffer[] = [];
  [...entries, { name: "TRAILER!!!", mode: 0, content: new Uint8Array() }].forEach((entry, index) => {
    const name = Buffer.from(`${entry.name}\0`);
    const fields = [index + 1, entry.mode, 0, 0, 1, 0, entry.content.length, 0, 0, 0, 0, name.length, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
    for (const part of [Buffer.concat([Buffer.from(header), name]), Buffer.from(entry.content)]) {
      parts.push(part, Buffer.alloc(-part.length & 3));
    }
  });
  return Buffer.concat(parts);
}
