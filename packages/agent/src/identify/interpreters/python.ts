import { posix } from "node:path";
import type { InterpreterTable } from "./table.ts";

/** Python 3's command line (`python3 --help-all`); a directory or archive runs its `__main__.py`. */
export const python: InterpreterTable = {
  name: "python",
  fileName: /^(?:python|pypy)(?:\d+(?:\.\d+)*)?[a-z]*$/,
  short: { c: "inline", m: "module", W: "value", X: "value" },
  long: { "--check-hash-based-pycs": "value" },
  clustered: true,
  attachedOnly: "",
  plusOptions: false,
  injectVariable: "PYTHONSTARTUP",
  withoutArguments: "stdin",
  variants: ["%", "%/__main__.py"],
};

/** Where `python -m NAME` finds its code, in the interpreter's order. Only regular layouts: `PREFIX/lib/pythonX.Y`. */
export function pythonModulePaths(input: {
  readonly module: string;
  /** The resolved executable, `/usr/bin/python3.11`. */
  readonly executable: string;
  /** As the process was called; a virtual environment's `bin/python` lends its `site-packages`. */
  readonly argv0: string;
  readonly cwd: string;
  readonly options: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
}): string[] {
  const { module, executable, argv0, cwd, options, environment } = input;
  if (!/^[A-Za-z0-9_.-]+$/.test(module)) return [];
  const has = (letter: string) =>
    options.some((option) => /^-[A-Za-z]+$/.test(option) && option.includes(letter));
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
    if (argv0.startsWith("/")) {
      directories.push(`${argv0.replace(/\/bin\/[^/]*$/, "")}/lib/python${version}/site-packages`);
    }
    directories.push(
      `${prefix}/lib/python${version}/site-packages`,
      `${prefix}/local/lib/python${version}/dist-packages`,
      `${prefix}/lib/python3/dist-packages`,
    );
  }
  // The interpreter never searches a place twice, and an absolute path is what the caller opens.
  const places = [...new Set(directories.map((directory) => posix.resolve("/", directory)))];
  const inside = module.replaceAll(".", "/");
  return places.flatMap((directory) => [`${directory}/${inside}/__main__.py`, `${directory}/${inside}.py`]);
}
