import type { InterpreterTable } from "./table.ts";

/** Where the program text comes from, as far as the command line says. */
export type ProgramSource =
  | { readonly kind: "script"; readonly argument: string }
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
};

type Scan = { readonly table: InterpreterTable; readonly args: readonly string[]; at: number } & {
  readonly injected: string[];
};

/**
 * Reads an interpreter's arguments (without argv[0]) as the interpreter would. Total: every list of strings has an
 * answer, and an option the table doesn't know counts as a switch.
 */
export function scanOptions(table: InterpreterTable, args: readonly string[]): ScannedArguments {
  const scan: Scan = { table, args, at: 0, injected: [] };
  const source = findSource(scan);
  return { source, injected: scan.injected, options: args.slice(0, scan.at) };
}

function findSource(scan: Scan): ProgramSource {
  const { table, args } = scan;
  let readsStdin = false;
  let inline = false;
  for (; scan.at < args.length; scan.at++) {
    const argument = args[scan.at] ?? "";
    if (argument === "--") {
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
    if (found.kind === "stdin") readsStdin = true;
    else if (found.kind === "inline" && table.name === "shell") inline = true;
    else return found;
  }
  if (inline) return { kind: "inline" };
  if (readsStdin) return { kind: "stdin" };
  const argument = args[scan.at];
  if (argument === undefined) return { kind: table.withoutArguments };
  return table.name === "java" && !argument.endsWith(".java")
    ? { kind: "inline" }
    : { kind: "script", argument };
}

/** `-uc CODE`: letters one by one; a letter with a value takes the rest of the argument, else the next one. */
function scanCluster(scan: Scan, argument: string): ProgramSource | undefined {
  const { table } = scan;
  let result: ProgramSource | undefined;
  for (let index = 1; index < argument.length; index++) {
    const letter = argument.charAt(index);
    const meaning = Object.hasOwn(table.short, letter) ? table.short[letter] : undefined;
    if (meaning === undefined || meaning === "switch") continue;
    if (meaning === "stdin") {
      result ??= { kind: "stdin" };
      continue;
    }
    // A shell's -c takes no value of its own: the program is the first operand, and more letters may follow.
    if (table.name === "shell" && meaning === "inline") {
      result = { kind: "inline" };
      continue;
    }
    if (meaning === "digits") {
      while (/[0-9]/.test(argument.charAt(index + 1))) index++;
      continue;
    }
    const attached = argument.slice(index + 1);
    if (table.name === "shell") {
      // `-o NAME` never stands attached: bash takes the next argument, and reads on in this one.
      scan.at++;
      continue;
    }
    const value = attached === "" && !table.attachedOnly.includes(letter) ? next(scan) : attached;
    return meant(scan, meaning, `-${letter}`, value);
  }
  return result;
}

function scanWord(scan: Scan, argument: string): ProgramSource | undefined {
  const { table } = scan;
  const cut = argument.search(/[=:]/);
  const name = cut < 0 ? argument : argument.slice(0, cut);
  const attached = cut < 0 ? undefined : argument.slice(cut + 1);
  const exact = Object.hasOwn(table.long, argument) ? table.long[argument] : undefined;
  const meaning = exact ?? (Object.hasOwn(table.long, name) ? table.long[name] : undefined);
  if (meaning === undefined || meaning === "switch" || meaning === "digits") return undefined;
  if (meaning === "stdin") return { kind: "stdin" };
  const value = exact === undefined && attached !== undefined ? attached : next(scan);
  return meant(scan, meaning, name, value);
}

function meant(
  scan: Scan,
  meaning: "value" | "inline" | "script" | "module" | "inject",
  option: string,
  value: string | undefined,
): ProgramSource | undefined {
  switch (meaning) {
    case "value":
      return undefined;
    case "inject":
      scan.injected.push(value === undefined || value === "" ? option : `${option} ${value}`);
      return undefined;
    case "inline":
      return { kind: "inline" };
    case "script":
      return value === undefined
        ? { kind: scan.table.withoutArguments }
        : { kind: "script", argument: value };
    case "module":
      return value === undefined ? { kind: "none" } : { kind: "module", name: value };
  }
}

/** The next argument, which is an option's value and so is passed over. */
function next(scan: Scan): string | undefined {
  scan.at++;
  return scan.args[scan.at];
}
