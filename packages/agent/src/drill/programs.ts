import { fileURLToPath } from "node:url";
import type { Canary, PythonForm } from "@ringwall/protocol/agent";

const BUILD = fileURLToPath(new URL("../../build/", import.meta.url));
const SCRIPTS = fileURLToPath(new URL("programs/", import.meta.url));
export const PYTHON = "/usr/bin/python3";
/** Nobody's at all (systemd leaves 65520 to 65533 unused): what this user may write, no other process can. */
export const DRILL_USER = 65_533;

/** Where a drill's programs lie on this host, in a folder that every user can read. */
export type DrillFiles = {
  readonly canary: string;
  readonly decoy: string;
  readonly decoyScript: string;
  readonly canaryScript: string;
};

/** What is copied into the drill's own folder, by name. */
export const SHIPPED: Readonly<Record<string, string>> = {
  "ringwall-canary": `${BUILD}ringwall-canary`,
  "ringwall-canary.so": `${BUILD}ringwall-canary.so`,
  "ringwall-decoy": `${BUILD}ringwall-decoy`,
  "decoy.py": `${SCRIPTS}decoy.py`,
  "canary.py": `${SCRIPTS}canary.py`,
};

const AS_DRILL_USER = ["setpriv", `--reuid=${DRILL_USER}`, `--regid=${DRILL_USER}`, "--clear-groups"];
const OWN_USERS = "unshare --user --map-root-user --mount";
/** Says of itself, as other attempts do, that it can't be made. */
const OWN_MOUNT = `${OWN_USERS} true || { echo '{"skipped":"users can'"'"'t make user namespaces here"}'; exit; }
exec ${OWN_USERS} sh -c 'mount --bind "$0/evil.py" "$0/app.py" && exec "$@"' "$0" "$@"`;

export function filesIn(folder: string): DrillFiles {
  return {
    canary: `${folder}/ringwall-canary`,
    decoy: `${folder}/ringwall-decoy`,
    decoyScript: `${folder}/decoy.py`,
    canaryScript: `${folder}/canary.py`,
  };
}

export type Target = { readonly address: string; readonly port: number };

/** How one attempt is started. */
export type CommandLine = {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Given on standard input: this file. */
  readonly input: string | null;
};

/** The command line of an attempt; `scratch` is a folder of its own. */
export function commandLineOf(
  { run }: Pick<Canary, "run">,
  files: DrillFiles,
  { address, port }: Target,
  token: string,
  scratch: string,
): CommandLine {
  const to = [address, String(port), token];
  switch (run.program) {
    case "decoy":
      return plain([files.decoy, "reach", ...to]);
    case "canary": {
      const drop = run.unprivileged ? ["-u"] : [];
      return plain([files.canary, ...drop, run.attempt, ...to, files.decoy, scratch]);
    }
    case "python":
      return pythonLine(run.how, files, to, scratch);
  }
}

function plain(argv: readonly string[], environment: Readonly<Record<string, string>> = {}): CommandLine {
  return { argv, environment, input: null };
}

function pythonLine(how: PythonForm, files: DrillFiles, to: readonly string[], scratch: string): CommandLine {
  const injected = { RINGWALL_CANARY: to.join(" ") };
  switch (how) {
    case "decoy":
      return plain([PYTHON, files.decoyScript, ...to]);
    case "other-script":
      return plain([PYTHON, files.canaryScript, ...to, files.decoyScript]);
    case "inline":
      return plain([
        PYTHON,
        "-c",
        `import runpy; runpy.run_path(${JSON.stringify(files.canaryScript)})`,
        ...to,
      ]);
    case "stdin":
      return { argv: [PYTHON, "-", ...to], environment: {}, input: files.canaryScript };
    case "forge-arguments":
      return plain([PYTHON, files.canaryScript, ...to, how, files.decoyScript]);
    case "module-path":
      return plain([PYTHON, files.decoyScript, ...to], { ...injected, PYTHONPATH: `${scratch}/modules` });
    case "home":
      return plain([PYTHON, files.decoyScript, ...to], { ...injected, HOME: `${scratch}/home` });
    case "swap-file":
      return plain([PYTHON, `${scratch}/app.py`, ...to, how, scratch]);
    case "swap-folder":
      // As its folder's owner: where only root may move a folder, nobody is held to have moved it.
      return plain([...AS_DRILL_USER, PYTHON, `${scratch}/app/app.py`, ...to, how, scratch]);
    case "take-mount-away": {
      const inside = [PYTHON, `${scratch}/app.py`, ...to, how, scratch];
      return plain(["sh", "-c", OWN_MOUNT, scratch, ...inside]);
    }
  }
}
