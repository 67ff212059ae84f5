/**
 * How an interpreter reads its own command line, as data: `scan-options.ts` walks argv by it. A table says only what
 * decides where the program text comes from; everything else is a switch without meaning here.
 */

/** What an option means for the question "which code runs". */
export type OptionMeaning =
  /** Takes no value and changes nothing here. */
  | "switch"
  /** Takes a value that is not code. */
  | "value"
  /** One letter that takes only digits, attached; the cluster goes on behind them: `perl -l012ne`. */
  | "digits"
  /** The value is the program itself: `-c`, `-e`. */
  | "inline"
  /** The value is a file to run, and the rest are its arguments: `-f`, `-jar`. */
  | "script"
  /** The value names a module to look up: `python -m`. */
  | "module"
  /** The value is code that runs beside the script: `node --require`. */
  | "inject"
  /** The program text comes from standard input. */
  | "stdin";

export type InterpreterTable = {
  readonly name: "python" | "node" | "shell" | "perl" | "ruby" | "php" | "java" | "loader";
  /** Matches the file name of the resolved executable. */
  readonly fileName: RegExp;
  /** One-letter options by letter; letters of one argument may stand together (`-uc`). */
  readonly short: Readonly<Record<string, OptionMeaning>>;
  /** Long options with their dashes (`--require`), also one-dash words of `java`. */
  readonly long: Readonly<Record<string, OptionMeaning>>;
  /** Letters are read one by one (`-xc`); false where one dash starts a whole word (`java -jar`, `node -pe`). */
  readonly clustered: boolean;
  /** Letters whose value may only stand attached (`perl -Ifoo`, `-i.bak`): nothing of the next argument is taken. */
  readonly attachedOnly: string;
  /** `+x` options, as shells have them. */
  readonly plusOptions: boolean;
  /** The variable an injecting argument counts as in `ProcessIdentity.environment`. */
  readonly injectVariable: string;
  /** What runs when no argument is left. */
  readonly withoutArguments: "stdin" | "none";
  /** Places in which an argument that names no file is looked for, in order; `%` stands for it. */
  readonly variants: readonly string[];
};
