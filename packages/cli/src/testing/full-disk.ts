import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const BYTES = 8 * 1024 * 1024;

/** A small disk in a folder, full once it is filled; only root can have one. */
export type FullDisk = {
  readonly path: string;
  readonly fill: () => void;
  readonly makeRoom: () => void;
  readonly remove: () => void;
};

export function createFullDisk(folder: string): FullDisk {
  const path = mkdtempSync(join(folder, "disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${BYTES}`, "small", path]);
  const ballast = join(path, "ballast");
  return {
    path,
    fill: () => {
      try {
        writeFileSync(ballast, new Uint8Array(2 * BYTES));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOSPC") return;
        throw error;
      }
      throw new Error(`\`${path}\` is not full`);
    },
    makeRoom: () => rmSync(ballast),
    // Also where a log in it is still open.
    remove: () => execFileSync("umount", ["--lazy", path]),
  };
}
