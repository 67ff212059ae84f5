import type { InterpreterTable, OptionMeaning } from "./table.ts";

/** Where the program text comes from, as far as the command line says. */
export type ProgramSource =
  | {
      readonly kind: "script";
      readonly argument: string;
      /** Where the interpreter goes before it opens the script, one after the other. */
      readonly directories: readonly string[];
      /** PATH is searched too. */
      readonly inPath: boolean;
    }
  | { readonly kind: "module"; readonly name: string }
  | { readonly kind: "inline" }
  | { readonly kind: "stdin" }
  /** No code of its own: `java -version`. */
  | { readonly kind: "none" };

export type ScannedArguments = {
  readonly source: ProgramSource;
  /** Arguments that bring code of their own, as `OPTION VALUE`. */
  readonly injected: readonly string[];
  /** The options before the program, as given. */
  readonly options: readonly string[];
  /** Arguments that were looked at: the program is among these, or there is none. */
  readonly read: number;
};

type Scan = { readonly table: InterpreterTable; readonly args: readonly string[]; at: number } & {
  readonly injected: string[];
  readonly directories: string[];
  inPath: boolean;
  isServer: boolean;
  readsStdin: boolean;
};

/**
 * Reads an interpreter's arguments (without argv[0]) as the interpreter would. Total: every list of strings has an
 * answer, and an option the table doesn't know counts as a switch.
 */
export function scanOptions(table: InterpreterTable, args: readonly string[]): ScannedArguments {
  const injected: string[] = [];
  const scan: Scan = {
    table,
    args,
    at: 0,
    injected,
    directories: [],
    inPath: table.searchesPath === true,
    isServer: false,
    readsStdin: false,
  };
  const source = findSource(scan);
  return { source, injected, options: args.slice(0, scan.at), read: scan.at + 1 };
}

function findSource(scan: Scan): ProgramSource {
  const { table, args } = scan;
  let inline = false;
  for (; scan.at < args.length; scan.at++) {
    const argument = args[scan.at] ?? "";
    if (argument === "--") {
      if (table.behindDashes === "stdin") return { kind: "stdin" };
      scan.at++;
      break;
    }
    // A lone dash is standard input everywhere; for shells it ends the options, which comes to the same here.
    if (argument === "-") return { kind: inline ? "inline" : "stdin" };
    const dashed = argument.startsWith("-");
    if (!dashed && !(table.plusOptions && argument.startsWith("+") && argument.length > 1)) break;
    const found =
      table.clustered && !argument.startsWith("--") ? scanCluster(scan, argument) : scanWord(scan, argument);
    if (found === undefined) continue;
    // A shell's -c is not the end of its options: the program is the first operand.
    if (found.kind === "inline" && table.name === "shell") inline = true;
    else return found;
  }
  if (inline) return { kind: "inline" };
  if (scan.readsStdin) return { kind: "stdin" };
  const argument = args[scan.at];
  if (argument === undefined) return { kind: scan.isServer ? "inline" : table.withoutArguments };
  return table.commands?.includes(argument) === true ? { kind: "inline" } : scriptSource(scan, argument);
}

function scriptSource(scan: Scan, argument: string): ProgramSource {
  return { kind: "script", argument, directories: scan.directories, inPath: scan.inPath };
}

/** `-uc CODE`: letters one by one; a letter with a value takes the rest of the argument, else the next one. */
function scanCluster(scan: Scan, argument: string): ProgramSource | undefined {
  const { table } = scan;
  let result: ProgramSource | undefined;
  for (let index = 1; index < argument.length; index++) {
    const letter = argument.charAt(index);
    const meaning = Object.hasOwn(table.short, letter) ? table.short[letter] : undefined;
    if (meaning === undefined || isSwitch(scan, meaning, `-${letter}`)) continue;
    // A shell's -c takes no value of its own, and more letters may follow.
    if (table.name === "shell" && meaning === "inline") {
      result = { kind: "inline" };
      continue;
    }
    if (meaning === "digits") {
      // `-W:no-deprecated` is one word, `-0xFF` one number.
      const rest = /^(?::.*|x[0-9A-Fa-f]+|[0-9]+)/.exec(argument.slice(index + 1))?.[0] ?? "";
      if (!(rest.startsWith("x") && table.name !== "perl")) index += rest.length;
      continue;
    }
    const attached = argument.slice(index + 1);
    if (table.name === "shell") {
      // `-o NAME` never stands attached: bash takes the next argument, and reads on in this one.
      scan.at++;
      continue;
    }
    const value = attached === "" && !table.attachedOnly.includes(letter) ? next(scan) : attached;
    return meant(scan, meaning, `-${letter}`, table.dropsEquals === true ? value?.replace(/^=/, "") : value);
  }
  return result;
}

function scanWord(scan: Scan, given: string): ProgramSource | undefined {
  const { table } = scan;
  const cut = given.indexOf("=");
  const plain = cut < 0 ? given : given.slice(0, cut);
  const name = table.foldsUnderscores === true ? plain.replaceAll("_", "-") : plain;
  const meaning = Object.hasOwn(table.long, name) ? table.long[name] : undefined;
  if (meaning === undefined || meaning === "digits" || isSwitch(scan, meaning, name)) return undefined;
  return meant(scan, meaning, name, cut < 0 ? next(scan) : given.slice(cut + 1));
}

/** Whether the option takes no value; notes what it does. */
function isSwitch(scan: Scan, meaning: OptionMeaning, option: string): boolean {
  switch (meaning) {
    case "switch":
      return true;
    case "stdin":
      scan.readsStdin = true;
      return true;
    case "searchPath":
      scan.inPath = true;
      return true;
    case "injectSwitch":
      scan.injected.push(option);
      return true;
    default:
      return false;
  }
}

function meant(
  scan: Scan,
  meaning: OptionMeaning,
  option: string,
  value: string | undefined,
): ProgramSource | undefined {
  switch (meaning) {
    case "setting":
      if (scan.table.harmlessSettings?.test(value?.split("=")[0] ?? "") === true) return undefined;
      scan.injected.push(`${option} ${value ?? ""}`);
      return undefined;
    case "inject":
      scan.injected.push(value === undefined || value === "" ? option : `${option} ${value}`);
      return undefined;
    case "directory":
      if (value !== undefined) scan.directories.push(value);
      return undefined;
    case "server":
      scan.isServer = true;
      return undefined;
    case "inline":
      return { kind: "inline" };
    case "script":
      return value === undefined ? { kind: scan.table.withoutArguments } : scriptSource(scan, value);
    case "module":
      return value === undefined ? { kind: "none" } : { kind: "module", name: value };
    default:
      return undefined;
  }
}

/** The next argument, which is an option's value and so is passed over. */
function next(scan: Scan): string | undefined {
  scan.at++;
  return scan.args[scan.at];
}
