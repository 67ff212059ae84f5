import { posix } from "node:path";
import { java, scanJava } from "./java.ts";
import { node } from "./node.ts";
import { loader, perl, php, phpCgi, ruby } from "./others.ts";
import { python, pythonModulePaths } from "./python.ts";
import { type ProgramSource, type ScannedArguments, scanOptions } from "./scan-options.ts";
import type { ScriptCandidate, ScriptSource } from "./script-source.ts";
import { mksh, shell } from "./shell.ts";
import type { InterpreterTable } from "./table.ts";

export type { ScriptSource } from "./script-source.ts";

/** One executable that is many programs: the first word says which, argv[0] or the first argument. */
const busybox: InterpreterTable = { ...shell, name: "busybox", fileName: /^busybox(?:\.[a-z]+)?$/ };
const TABLES: readonly InterpreterTable[] = [
  python,
  node,
  shell,
  mksh,
  perl,
  ruby,
  php,
  phpCgi,
  java,
  loader,
  busybox,
];
/** Folders of PATH that are searched for a script. */
const PATH_FOLDERS_MAX = 64;

export type ResolvedScript = {
  readonly source: ScriptSource;
  /** Code-injecting arguments in the form of the environment variable that would do the same, `NAME=value`. */
  readonly injected: string[];
};

export type ScriptQuestion = {
  /** The resolved executable, `/usr/bin/python3.11`. */
  readonly executable: string;
  /** As given to execve; the script itself where the kernel followed a `#!` line. */
  readonly filename: string;
  readonly argv: readonly string[];
  /** `argv` is only how the arguments begin: what lies behind is not known, and must not be guessed. */
  readonly truncated?: boolean;
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
  const table = interpreterOf(question.executable);
  if (table === undefined) return { source: shebangScript(question), injected: [] };
  if (table.name === "busybox") return resolveApplet(question);
  if (table.name === "php-cgi") return { source: INLINE, injected: [] };
  return table.name === "java" ? resolveJava(question) : resolveByTable(table, question);
}

const INLINE: ScriptSource = { kind: "unattributable", why: "inline" };

function resolveByTable(table: InterpreterTable, question: ScriptQuestion): ResolvedScript {
  const scanned = scanOptions(table, question.argv.slice(1));
  // The last word may be cut: the program must stand before it.
  const injected = asVariables(table, scanned.injected);
  if (question.truncated === true && scanned.read >= question.argv.length - 1)
    return { source: INLINE, injected };
  return { source: sourceOf(table, scanned.source, scanned, question), injected };
}

function sourceOf(
  table: InterpreterTable,
  source: ProgramSource,
  scanned: ScannedArguments,
  question: ScriptQuestion,
): ScriptSource {
  switch (source.kind) {
    case "none":
      return { kind: "none" };
    case "stdin":
    case "inline":
      return { kind: "unattributable", why: source.kind };
    case "script":
      return fileSource(table, source, question);
    case "module": {
      const { executable, filename, argv, cwd, environment } = question;
      const candidates = pythonModulePaths({
        module: source.name,
        executable,
        argv0: argv[0]?.includes("/") === true ? argv[0] : filename,
        cwd,
        options: scanned.options,
        environment,
      });
      return candidates.length === 0 ? INLINE : { kind: "file", candidates, relative: true };
    }
  }
}

/** Java's launcher, whose arguments have rules of their own. */
function resolveJava(question: ScriptQuestion): ResolvedScript {
  const { argv, cwd, environment } = question;
  const { program, injected, read } = scanJava(argv.slice(1), cwd, environment.get("CLASSPATH") ?? "");
  const variables = asVariables(java, injected);
  if (question.truncated === true && read >= argv.length - 1) return { source: INLINE, injected: variables };
  switch (program.kind) {
    case "none":
      return { source: { kind: "none" }, injected: variables };
    case "inline":
      return { source: INLINE, injected: variables };
    case "class": {
      const { candidates, relative } = program;
      return { source: { kind: "file", candidates, relative }, injected: variables };
    }
    case "file": {
      const script = { argument: program.argument, directories: [], inPath: false };
      return { source: fileSource(java, script, question), injected: variables };
    }
  }
}

/** `busybox sh FILE`, or a link called `sh`: only the shell reads scripts; awk and others are the program itself. */
function resolveApplet(question: ScriptQuestion): ResolvedScript {
  const { argv } = question;
  const called = posix.basename(argv[0] ?? "").replace(/^-/, "");
  const direct = !busybox.fileName.test(called);
  const applet = direct ? called : posix.basename(argv[1] ?? "");
  if (!/^(?:sh|ash|hush|bash|static-sh)$/.test(applet)) {
    return { source: direct ? shebangScript(question) : { kind: "none" }, injected: [] };
  }
  return resolveByTable(shell, direct ? question : { ...question, argv: argv.slice(1) });
}

function asVariables(table: InterpreterTable, injected: readonly string[]): string[] {
  return injected.length === 0 ? [] : [`${table.injectVariable}=${injected.join(" ")}`];
}

function fileSource(
  table: InterpreterTable,
  script: Omit<Extract<ProgramSource, { kind: "script" }>, "kind">,
  { cwd, environment }: ScriptQuestion,
): ScriptSource {
  const { argument, directories, inPath } = script;
  if (argument === "" || argument.includes("\0") || ![argument, cwd, ...directories].every(isText))
    return { kind: "unattributable", why: "deleted" };
  const path = posix.resolve("/", cwd, ...directories, argument);
  if (isStream(path)) return { kind: "unattributable", why: "stdin" };
  const paths = [path];
  if (inPath && !argument.includes("/")) {
    const folders = (environment.get("PATH") ?? "").split(":").slice(0, PATH_FOLDERS_MAX);
    paths.push(...folders.map((folder) => posix.resolve("/", cwd, folder, argument)));
  }
  const candidates = paths.flatMap((one) => table.variants.map((variant) => candidateOf(variant, one)));
  const steady = [argument, ...directories].some((part) => part.startsWith("/"));
  return { kind: "file", candidates, relative: !steady };
}

function candidateOf(variant: string, path: string): ScriptCandidate {
  const place = variant.replace("%", () => path);
  return variant.endsWith("/package.json") ? { path: place, names: "main" } : { path: place };
}

function shebangScript({ executable, filename, argv, cwd, truncated }: ScriptQuestion): ScriptSource {
  if (filename === "" || filename.includes("\0")) return { kind: "none" };
  const path = posix.resolve("/", cwd, filename);
  // Through `#!` the kernel puts the file's name among the arguments, behind the interpreter's own.
  const placed = argv[1] === filename || argv[2] === filename || (truncated === true && argv.length < 4);
  if (path === executable || !placed) return { kind: "none" };
  if (!isText(path)) return { kind: "unattributable", why: "deleted" };
  if (isStream(path)) return { kind: "unattributable", why: "stdin" };
  return { kind: "file", candidates: [{ path }], relative: !filename.startsWith("/") };
}

/** Bytes that are no UTF-8 are kept as lone surrogates, and Node.js would open another file. */
function isText(path: string): boolean {
  return path.isWellFormed();
}

/** Pipes, terminals and descriptors: code that no path stands for. */
function isStream(path: string): boolean {
  return /^\/dev\/(?:fd\/|std(?:in|out|err)$|tty|pts\/)|^\/proc\/(?:self|thread-self|\d+)\/(?:fd|task)\//.test(
    path,
  );
}
