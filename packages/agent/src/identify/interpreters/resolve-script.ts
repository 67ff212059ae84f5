import { posix } from "node:path";
import { node } from "./node.ts";
import { java, loader, perl, php, ruby } from "./others.ts";
import { python, pythonModulePaths } from "./python.ts";
import { scanOptions } from "./scan-options.ts";
import { shell } from "./shell.ts";
import type { InterpreterTable } from "./table.ts";

const TABLES: readonly InterpreterTable[] = [python, node, shell, perl, ruby, php, java, loader];

/** Which code an execution runs beside its executable. */
export type ScriptSource =
  /** The executable is all there is. */
  | { readonly kind: "none" }
  /** The first of these absolute paths (in the process's root) that is a regular file. Never empty. */
  | {
      readonly kind: "file";
      readonly candidates: readonly string[];
      /** Whether the working directory took part, so that a later chdir could mislead. */
      readonly relative: boolean;
    }
  | { readonly kind: "unattributable"; readonly why: "stdin" | "inline" | "memfd" | "deleted" };

export type ResolvedScript = {
  readonly source: ScriptSource;
  /** Code-injecting arguments in the form of the environment variable that would do the same, `NAME=value`. */
  readonly injected: readonly string[];
};

export type ScriptQuestion = {
  /** The resolved executable, `/usr/bin/python3.11`. */
  readonly executable: string;
  /** As given to execve; the script itself where the kernel followed a `#!` line. */
  readonly filename: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly environment: ReadonlyMap<string, string>;
};

/** The table by which this executable reads its arguments, if it is an interpreter we know. */
export function interpreterOf(executable: string): InterpreterTable | undefined {
  const fileName = executable.slice(executable.lastIndexOf("/") + 1);
  return TABLES.find((table) => table.fileName.test(fileName));
}

/**
 * Finds the script of an execution from what the kernel saw. Pure and total. Unknown interpreters are only recognised
 * through `#!`, where execve's file is not the executable.
 */
export function resolveScript(question: ScriptQuestion): ResolvedScript {
  const { executable, filename, argv, cwd } = question;
  const table = interpreterOf(executable);
  if (table === undefined) return { source: shebangScript(question), injected: [] };
  const { source, injected, options } = scanOptions(table, argv.slice(1));
  const asVariables = injected.length === 0 ? [] : [`${table.injectVariable}=${injected.join(" ")}`];
  switch (source.kind) {
    case "none":
      return { source: { kind: "none" }, injected: asVariables };
    case "stdin":
    case "inline":
      return { source: { kind: "unattributable", why: source.kind }, injected: asVariables };
    case "script":
      return { source: fileSource(table, source.argument, cwd), injected: asVariables };
    case "module": {
      const candidates = pythonModulePaths({
        module: source.name,
        executable,
        argv0: argv[0] ?? filename,
        cwd,
        options,
        environment: question.environment,
      });
      if (candidates.length === 0) {
        return { source: { kind: "unattributable", why: "inline" }, injected: asVariables };
      }
      return { source: { kind: "file", candidates, relative: true }, injected: asVariables };
    }
  }
}

function fileSource(table: InterpreterTable, argument: string, cwd: string): ScriptSource {
  if (argument === "" || argument.includes("\0")) return { kind: "unattributable", why: "deleted" };
  const path = posix.resolve("/", cwd, argument);
  if (isStream(path)) return { kind: "unattributable", why: "stdin" };
  const candidates = table.variants.map((variant) => variant.replace("%", () => path));
  return { kind: "file", candidates, relative: !argument.startsWith("/") };
}

function shebangScript({ executable, filename, argv, cwd }: ScriptQuestion): ScriptSource {
  if (filename === "" || filename.includes("\0")) return { kind: "none" };
  const path = posix.resolve("/", cwd, filename);
  // Through `#!` the kernel puts the file's name among the arguments, behind the interpreter's own.
  const placed = argv[1] === filename || argv[2] === filename;
  if (path === executable || !placed) return { kind: "none" };
  if (isStream(path)) return { kind: "unattributable", why: "stdin" };
  return { kind: "file", candidates: [path], relative: !filename.startsWith("/") };
}

/** Pipes, terminals and descriptors: code that no path stands for. */
function isStream(path: string): boolean {
  return /^\/dev\/(?:fd\/|std(?:in|out|err)$|tty|pts\/)|^\/proc\/(?:self|thread-self|\d+)\/(?:fd|task)\//.test(
    path,
  );
}
