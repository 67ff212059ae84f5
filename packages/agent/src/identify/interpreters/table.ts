/**
 * How an interpreter reads its own command line, as data: `scan-options.ts` walks argv by it. A table says only what
 * decides where the program text comes from; everything else is a switch without meaning here. Java's launcher follows
 * rules of its own, in `java.ts`.
 */

/** What an option means for the question "which code runs". */
export type OptionMeaning =
  /** Takes no value and changes nothing here. */
  | "switch"
  /** Takes a value that is not code. */
  | "value"
  /** One letter that takes only digits, attached, or a word behind `:`; the cluster goes on behind digits: `perl -l012ne`. */
  | "digits"
  /** The value is the program itself: `-c`, `-e`. */
  | "inline"
  /** The value is a file to run, and the rest are its arguments: `-f`. */
  | "script"
  /** The value names a module to look up: `python -m`. */
  | "module"
  /** The value is code that runs beside the script: `node --require`. */
  | "inject"
  /** The same without a value: `python -i` runs what its terminal says when the script is done. */
  | "injectSwitch"
  /** The value is one of the interpreter's settings: it injects unless the table calls it harmless. */
  | "setting"
  /** The interpreter goes to this directory before it opens the script. */
  | "directory"
  /** A script without a slash is looked for in PATH. */
  | "searchPath"
  /** A server that runs files by request: inline unless a script follows that answers all of them. */
  | "server"
  /** The program text comes from standard input. */
  | "stdin";

export type InterpreterName =
  | "python"
  | "node"
  | "shell"
  | "perl"
  | "ruby"
  | "php"
  | "php-cgi"
  | "java"
  | "loader"
  | "busybox";

export type InterpreterTable = {
  readonly name: InterpreterName;
  /** Matches the file name of the resolved executable. */
  readonly fileName: RegExp;
  /** One-letter options by letter; letters of one argument may stand together (`-uc`). */
  readonly short: Readonly<Record<string, OptionMeaning>>;
  /** Long options with their dashes (`--require`). */
  readonly long: Readonly<Record<string, OptionMeaning>>;
  /** Letters are read one by one (`-xc`); false where one dash starts a whole word (`node -pe`). */
  readonly clustered: boolean;
  /** Letters whose value may only stand attached (`perl -Mfoo`, `-i.bak`): nothing of the next argument is taken. */
  readonly attachedOnly: string;
  /** `+x` options, as shells have them. */
  readonly plusOptions: boolean;
  /** The variable an injecting argument counts as in `ProcessIdentity.environment`. */
  readonly injectVariable: string;
  /** What runs when no argument is left. */
  readonly withoutArguments: "stdin" | "none" | "inline";
  /** Places in which an argument that names no file is looked for, in order; `%` stands for it. */
  readonly variants: readonly string[];
  /** What stands behind `--`: the script, or arguments of a program from standard input. Default: the script. */
  readonly behindDashes?: "script" | "stdin";
  /** `--snapshot_blob` is `--snapshot-blob`. */
  readonly foldsUnderscores?: true;
  /** First words that are commands and no files: `node inspect`. */
  readonly commands?: readonly string[];
  /** `-f=FILE` is `-f FILE`. */
  readonly dropsEquals?: true;
  /** A script without a slash that is not in the working directory is looked for in PATH: bash. */
  readonly searchesPath?: true;
  /** Settings that bring no code, by name. */
  readonly harmlessSettings?: RegExp;
};
