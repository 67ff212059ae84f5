import { posix } from "node:path";
import type { ScriptCandidate } from "./script-source.ts";
import type { InterpreterTable } from "./table.ts";

/** Python 3's command line (`python3 --help-all`); a directory or archive runs its `__main__.py`. */
export const python: InterpreterTable = {
  name: "python",
  fileName: /^(?:python|pypy)(?:\d+(?:\.\d+)*)?[a-z]*(?:-dbg)?$/,
  short: { c: "inline", m: "module", i: "injectSwitch", W: "value", X: "setting", Q: "value" },
  long: { "--check-hash-based-pycs": "value" },
  clustered: true,
  attachedOnly: "",
  plusOptions: false,
  injectVariable: "PYTHONSTARTUP",
  withoutArguments: "stdin",
  variants: ["%", "%/__main__.py", "%/__main__.pyc"],
  // All but where compiled code is taken from, and a module that runs first.
  harmlessSettings: /^(?!pycache_prefix|presite)/,
};

/**
 * The user's own packages, which Python loads before the script's first line (site.USER_SITE): the folder that holds them
 * for each version, or undefined where it is told not to look. `home` is where /etc/passwd says the user lives.
 */
export function pythonUserBase(
  options: readonly string[],
  environment: ReadonlyMap<string, string>,
  home: string | undefined,
): string | undefined {
  const letters = new Set(options.flatMap(switchLetters));
  if (letters.has("I") || letters.has("s") || letters.has("S")) return undefined;
  const reads = (name: string) => (letters.has("E") ? undefined : environment.get(name));
  if ((reads("PYTHONNOUSERSITE") ?? "") !== "") return undefined;
  // PYTHONUSERBASE counts as injected by itself.
  const at = environment.get("HOME") ?? home;
  return at === undefined ? undefined : `${at}/.local`;
}

/** Where `python -m NAME` finds its code, in the interpreter's order. Only regular layouts: `PREFIX/lib/pythonX.Y`. */
export function pythonModulePaths(input: {
  readonly module: string;
  /** The resolved executable, `/usr/bin/python3.11`. */
  readonly executable: string;
  /** As the process was called, with a slash; a virtual environment's `bin/python` lends its `site-packages`. */
  readonly argv0: string;
  readonly cwd: string;
  readonly options: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
}): ScriptCandidate[] {
  const { module, executable, argv0, cwd, options, environment } = input;
  if (!/^[A-Za-z0-9_.-]+$/.test(module)) return [];
  const letters = new Set(options.flatMap(switchLetters));
  const has = (letter: string) => letters.has(letter);
  const directories: string[] = [];
  const safePath = has("I") || has("P") || (environment.get("PYTHONSAFEPATH") ?? "") !== "";
  if (!safePath) directories.push(cwd);
  if (!has("I") && !has("E")) {
    for (const entry of (environment.get("PYTHONPATH") ?? "").split(":")) {
      if (entry !== "") directories.push(entry.startsWith("/") ? entry : `${cwd}/${entry}`);
    }
  }
  const version = /python(\d+\.\d+)/.exec(executable)?.[1];
  if (version !== undefined) {
    const prefix = executable.replace(/\/bin\/[^/]*$/, "");
    directories.push(`${prefix}/lib/python${version}`);
    const called = posix.resolve("/", cwd, argv0);
    directories.push(`${called.replace(/\/bin\/[^/]*$/, "")}/lib/python${version}/site-packages`);
    directories.push(
      `${prefix}/lib/python${version}/site-packages`,
      `${prefix}/local/lib/python${version}/dist-packages`,
      `${prefix}/lib/python3/dist-packages`,
    );
  }
  // The interpreter never searches a place twice, and an absolute path is what the caller opens.
  const places = [...new Set(directories.map((directory) => posix.resolve("/", directory)))];
  const inside = module.replaceAll(".", "/");
  return places.flatMap((directory): ScriptCandidate[] => {
    const place = `${directory}/${inside}`;
    return [
      // A folder without `__init__.py` yields to a module of the same name.
      { path: `${place}/__main__.py`, beside: `${place}/__init__.py` },
      { path: `${place}.py` },
      { path: `${place}.pyc` },
      { path: `${place}/__main__.py` },
    ];
  });
}

/** The letters of `-IEm`, but nothing of a value: `-WIgnore` isolates nothing. */
function switchLetters(option: string): string[] {
  return /^-[A-Za-z]/.test(option) ? [...option.slice(1).replace(/[cmWXQ].*$/s, "")] : [];
}
