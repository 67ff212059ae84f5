import { chmod, chown, copyFile, mkdir, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Canary } from "@ringwall/protocol/agent";
import { makeFolder } from "../state/make-folder.ts";
import { DRILL_USER, type DrillFiles, filesIn, SHIPPED } from "./programs.ts";

/** Milliseconds after which a file counts as older than what is started next: a clock tick and more. */
const OLDER_MS = 40;
/** Nobody else may write anything here, whatever the umask is: root starts what lies in it. */
const EVERYBODY = 0o755;
const READABLE = 0o644;

/** Puts the drill's programs into its folder; they are what a policy's digests are made of. */
export async function placePrograms(folder: string): Promise<DrillFiles> {
  await makeFolder(folder, EVERYBODY);
  for (const [name, from] of Object.entries(SHIPPED)) {
    await copyFile(from, `${folder}/${name}`);
    await chmod(`${folder}/${name}`, EVERYBODY);
  }
  return filesIn(folder);
}

/** Lays out what an attempt finds in its own folder. */
export async function prepareScratch(canary: Canary, files: DrillFiles, scratch: string): Promise<void> {
  await makeFolder(scratch, EVERYBODY);
  if (canary.run.program !== "python") return;
  switch (canary.run.how) {
    case "module-path":
      await mkdir(`${scratch}/modules`, { mode: EVERYBODY });
      // Takes the real one by another name, or it would import itself.
      await writeFile(`${scratch}/modules/socket.py`, shadowOf(files), { mode: READABLE });
      break;
    case "home":
      await writeHome(files, scratch);
      break;
    case "swap-file":
      await copyFile(files.canaryScript, `${scratch}/app.py`);
      await copyFile(files.decoyScript, `${scratch}/genuine.py`);
      break;
    case "swap-folder":
      for (const [name, from] of [
        ["app", files.canaryScript],
        ["genuine", files.decoyScript],
      ] as const) {
        await mkdir(`${scratch}/${name}`, { mode: EVERYBODY });
        await copyFile(from, `${scratch}/${name}/app.py`);
      }
      // Last: root writes nothing where somebody else could have put a link.
      await chown(scratch, DRILL_USER, DRILL_USER);
      break;
    case "take-mount-away":
      await copyFile(files.decoyScript, `${scratch}/app.py`);
      await copyFile(files.canaryScript, `${scratch}/evil.py`);
      break;
    default:
      return;
  }
  await sleep(OLDER_MS);
}

/** A module that is imported in place of the real one and runs the attempt before the script's first line. */
function shadowOf(files: DrillFiles): string {
  return [
    "import sys",
    "here = sys.path.pop(sys.path.index(__file__.rpartition('/')[0]))",
    "del sys.modules['socket']",
    "import runpy",
    `runpy.run_path(${JSON.stringify(files.canaryScript)})`,
    "",
  ].join("\n");
}

/** Every Python 3 that may be there looks in a folder of its own version. */
async function writeHome(files: DrillFiles, scratch: string): Promise<void> {
  const line = `import runpy; runpy.run_path(${JSON.stringify(files.canaryScript)})\n`;
  for (let minor = MINOR_MIN; minor <= MINOR_MAX; minor++) {
    const folder = `${scratch}/home/.local/lib/python3.${minor}/site-packages`;
    await makeFolder(folder, EVERYBODY);
    await writeFile(`${folder}/ringwall-canary.pth`, line, { mode: READABLE });
  }
}

const MINOR_MIN = 7;
const MINOR_MAX = 16;
