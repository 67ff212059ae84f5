/**
 * Variables by which a program is made to run code that is not its own. They are part of an identity: allowed only
 * where a Software says so. Sources: ld.so(8), and each interpreter's manual on its environment.
 */
const INJECTING = new Set([
  "LD_PRELOAD",
  "LD_LIBRARY_PATH",
  "LD_AUDIT",
  "LD_DEBUG_OUTPUT",
  "LD_PROFILE",
  "GLIBC_TUNABLES",
  "GCONV_PATH",
  "PYTHONPATH",
  "PYTHONHOME",
  "PYTHONSTARTUP",
  "PYTHONINSPECT",
  "PYTHONUSERBASE",
  "PYTHONBREAKPOINT",
  "NODE_OPTIONS",
  "NODE_PATH",
  "NODE_REPL_EXTERNAL_MODULE",
  "BASH_ENV",
  "PERL5OPT",
  "PERL5LIB",
  "PERLLIB",
  "PERL5DB",
  "RUBYOPT",
  "RUBYLIB",
  "GEM_PATH",
  "GEM_HOME",
  "PHPRC",
  "PHP_INI_SCAN_DIR",
  "JAVA_TOOL_OPTIONS",
  "JDK_JAVA_OPTIONS",
  "_JAVA_OPTIONS",
  "CLASSPATH",
  "OPENSSL_CONF",
  "OPENSSL_MODULES",
  "OPENSSL_ENGINES",
]);

/** Bytes of one value that are kept; longer ones are cut and end in `…`, so that they can match no listed value. */
export const ENVIRONMENT_VALUE_MAX = 1024;
/** Entries kept of one process; a process with more carries the last one as `RINGWALL_TRUNCATED=1`. */
export const ENVIRONMENT_ENTRIES_MAX = 32;

/**
 * The code-injecting ones among `NAME=value` strings, sorted. A name that stands there twice is kept twice: programs
 * differ in which one they take. `ENV` is left out: only interactive shells read it, and too many programs call a stage so.
 */
export function injectingEnvironment(environment: Iterable<string>): string[] {
  const found = new Set<string>();
  for (const entry of environment) {
    const cut = entry.indexOf("=");
    if (cut <= 0) continue;
    const name = entry.slice(0, cut);
    // An empty value injects nothing, whichever of these it is.
    if (!INJECTING.has(name) || cut === entry.length - 1) continue;
    found.add(clip(entry, name.length + 1 + ENVIRONMENT_VALUE_MAX));
  }
  return limited([...found]);
}

/** Adds what arguments inject to what the environment does. */
export function withInjected(environment: readonly string[], injected: readonly string[]): string[] {
  const clipped = injected.map((entry) => clip(entry, entry.indexOf("=") + 1 + ENVIRONMENT_VALUE_MAX));
  return limited([...new Set([...environment, ...clipped])]);
}

function limited(entries: string[]): string[] {
  entries.sort();
  if (entries.length <= ENVIRONMENT_ENTRIES_MAX) return entries;
  return [...entries.slice(0, ENVIRONMENT_ENTRIES_MAX - 1), "RINGWALL_TRUNCATED=1"].sort();
}

function clip(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}…`;
}
