import type { InterpreterName } from "./interpreters/table.ts";

/**
 * Variables by which any program is made to run code that is not its own (ld.so(8), OpenSSL's config(5)). The kernel
 * looks for them too: `is_injecting` in bpf/exec.h.
 */
const FOR_ALL =
  /^(?:LD_(?:PRELOAD|LIBRARY_PATH|AUDIT|ORIGIN_PATH|PROFILE|PROFILE_OUTPUT|DEBUG_OUTPUT)|GLIBC_TUNABLES|GCONV_PATH|OPENSSL_(?:CONF|MODULES|ENGINES))$/;

const SHELL: ReadonlySet<string> = new Set(["BASH_ENV", "SHELLOPTS", "BASHOPTS", "PS4"]);
/** A function that bash takes from its environment: `BASH_FUNC_ls%%=() { … }`. */
const SHELL_FUNCTION = /^BASH_FUNC_.*(?:%%|\(\))$/s;

/** Those that only mean something to one interpreter, by its table's name. Sources: each one's manual. */
const FOR_INTERPRETER: Readonly<Record<InterpreterName, ReadonlySet<string>>> = {
  python: new Set([
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "PYTHONUSERBASE",
    "PYTHONBREAKPOINT",
    "PYTHONPYCACHEPREFIX",
    "PYTHONPLATLIBDIR",
    "PYTHON_PRESITE",
  ]),
  node: new Set(["NODE_OPTIONS", "NODE_PATH", "NODE_REPL_EXTERNAL_MODULE"]),
  // `ENV` is left out: only interactive shells read it, and too many programs call a stage so.
  // PS4 is expanded, commands and all, where SHELLOPTS switches tracing on.
  shell: SHELL,
  busybox: SHELL,
  perl: new Set(["PERL5OPT", "PERL5LIB", "PERLLIB", "PERL5DB", "PERLIO", "PERL_USE_UNSAFE_INC"]),
  ruby: new Set(["RUBYOPT", "RUBYLIB", "GEM_PATH", "GEM_HOME"]),
  php: new Set(["PHPRC", "PHP_INI_SCAN_DIR"]),
  "php-cgi": new Set(["PHPRC", "PHP_INI_SCAN_DIR"]),
  java: new Set(["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"]),
  loader: new Set(),
};

/** Stands for an environment of which the kernel read only the beginning: what injects code may lie behind it. */
export const UNREAD_ENVIRONMENT = "RINGWALL_TRUNCATED=1";

/** Bytes of one value that are kept; longer ones are cut and end in `…`, so that they can match no listed value. */
export const ENVIRONMENT_VALUE_MAX = 1024;
/** Entries kept of one process; a process with more carries the last one as `RINGWALL_TRUNCATED=1`. */
export const ENVIRONMENT_ENTRIES_MAX = 32;

/**
 * The code-injecting ones among `NAME=value` strings, sorted, for a program that is this interpreter or (undefined)
 * none. A name that stands there twice is kept twice: programs differ in which one they take.
 */
export function injectingEnvironment(
  environment: Iterable<string>,
  interpreter: InterpreterName | undefined,
): string[] {
  const own = interpreter === undefined ? undefined : FOR_INTERPRETER[interpreter];
  const found = new Set<string>();
  for (const entry of environment) {
    const cut = entry.indexOf("=");
    if (cut <= 0) continue;
    const name = entry.slice(0, cut);
    // An empty value injects nothing, whichever of these it is.
    const injects =
      FOR_ALL.test(name) || own?.has(name) === true || (interpreter === "shell" && SHELL_FUNCTION.test(name));
    if (!injects || cut === entry.length - 1) continue;
    found.add(clip(entry, name.length + 1 + ENVIRONMENT_VALUE_MAX));
  }
  return limited([...found]);
}

/** Adds what arguments inject to what the environment does. */
export function withInjected(environment: readonly string[], injected: readonly string[]): string[] {
  const clipped = injected.map((entry) => clip(entry, entry.indexOf("=") + 1 + ENVIRONMENT_VALUE_MAX));
  return limited([...new Set([...environment, ...clipped])]);
}

export function splitVariable(entry: string): readonly [string, string] {
  const cut = entry.indexOf("=");
  return cut < 0 ? [entry, ""] : [entry.slice(0, cut), entry.slice(cut + 1)];
}

function limited(entries: string[]): string[] {
  entries.sort();
  if (entries.length <= ENVIRONMENT_ENTRIES_MAX) return entries;
  return [...entries.slice(0, ENVIRONMENT_ENTRIES_MAX - 1), UNREAD_ENVIRONMENT].sort();
}

function clip(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}…`;
}
