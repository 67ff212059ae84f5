/** The arguments of commands for who works on the project: benchmarks, labs, generators. The product's are the CLI's. */

/** The process that was called: Node.js's own, or a test's. */
export type Called = {
  readonly argv: readonly string[];
  readonly stderr: { write(text: string): unknown };
  exit(code: number): never;
};

/** As many times as the loads written in C do anything. */
export const NUMBER_MAX = 1_000_000;

/** Says in words which argument is wrong, and what to write instead. */
export class BadArgument extends Error {}

/**
 * What `parse` makes of the arguments. A `BadArgument`, what Node.js's `parseArgs` refuses, or a file that can't be read
 * ends the command before anything has begun: what is wrong, how to call it, exit code 2.
 *
 * @param usage what may follow the command's path: `[--seeds N] FILE`
 */
export function takeArguments<T>(called: Called, usage: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof Error) || !isRefusal(error)) throw error;
    const command = `scripts/node ${called.argv[1]?.replace(/^.*\/(?=packages\/)/, "")} ${usage}`;
    called.stderr.write(`error: ${words(error.message)}\n  fix: call it as \`${command}\`\n`);
    return called.exit(2);
  }
}

/**
 * Arguments that are whole numbers, by name and in order, each with the one that is meant where it is left out.
 *
 *     const { rounds, seconds } = takeNumbers(process, { rounds: 11, seconds: { default: 60, max: SECONDS_MAX } });
 */
export function takeNumbers<Name extends string>(
  called: Called,
  wanted: Readonly<Record<Name, number | { readonly default: number; readonly max: number }>>,
): Readonly<Record<Name, number>> {
  const names = Object.keys(wanted) as Name[]; // the keys of a literal
  const usage = names.map((name) => `[${shown(name)}]`).join(" ");
  return takeArguments(called, usage, () => {
    const given = called.argv.slice(2);
    const option = given.find((text) => text.startsWith("-"));
    if (option !== undefined) throw new BadArgument(`unknown option \`${option}\``);
    const beyond = given[names.length];
    if (beyond !== undefined) throw new BadArgument(`nothing is left for \`${beyond}\` to mean`);
    const entries = names.map((name, index) => {
      const one = wanted[name];
      const { default: otherwise, max } = typeof one === "number" ? { default: one, max: NUMBER_MAX } : one;
      return [name, parseWhole(shown(name), given[index] ?? String(otherwise), 1, max)];
    });
    return Object.fromEntries(entries) as Record<Name, number>; // an entry for each name
  });
}

/** A whole number within limits, in decimal digits; throws `BadArgument`. */
export function parseWhole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new BadArgument(`\`${text}\` is wrong for ${name}: write a whole number from ${min} to ${max}`);
}

/** A number within limits, such as `0.5`; throws `BadArgument`. */
export function parseDecimal(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && value >= min && value <= max) return value;
  throw new BadArgument(`\`${text}\` is wrong for ${name}: write a number from ${min} to ${max}`);
}

/** Anything else is a bug. */
function isRefusal(error: Error): boolean {
  if (error instanceof BadArgument || "syscall" in error) return true;
  return "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");
}

/** The first sentence, as our own messages are written: Node.js goes on about arguments that begin with a dash. */
function words(message: string): string {
  const [sentence = ""] = message.split(/\.\s|\n/);
  return sentence.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase()).replaceAll("'", "`");
}

/** `tcpRate` as `TCP_RATE`. */
function shown(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
