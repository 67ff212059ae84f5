import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";

/** A file system of its own, so that a test's questions are about nothing else on this machine. */
export class ExecMount {
  readonly path = mkdtempSync(`${tmpdir()}/ringwall-exec-`);

  constructor() {
    execFileSync("mount", ["-t", "tmpfs", "none", this.path]);
  }

  /** A copy of a program under another name: a file that nothing here has met. */
  copy(program: string, name: string): string {
    const path = `${this.path}/${name}`;
    copyFileSync(program, path);
    return path;
  }

  close(): void {
    execFileSync("umount", ["-l", this.path]);
    rmdirSync(this.path);
  }
}
