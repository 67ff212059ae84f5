import { posix } from "node:path";
import type { ScriptCandidate } from "./script-source.ts";
import type { InterpreterTable } from "./table.ts";

/** Only for its name and variable: `java.ts` reads the arguments itself. */
export const java: InterpreterTable = {
  name: "java",
  fileName: /^java$/,
  short: {},
  long: {},
  clustered: false,
  attachedOnly: "",
  plusOptions: false,
  injectVariable: "JAVA_TOOL_OPTIONS",
  withoutArguments: "none",
  variants: ["%"],
};

/** Entries of a class path in which a main class is looked for; a longer path stays unattributable. */
export const CLASS_PATH_ENTRIES_MAX = 256;

/** Options whose value is the next argument (java(1); `IsWhiteSpaceOption` in the launcher's java.c). */
const WITH_VALUE = new Set([
  "-cp",
  "-classpath",
  "--class-path",
  "-p",
  "--module-path",
  "--upgrade-module-path",
  "--add-modules",
  "--enable-native-access",
  "--limit-modules",
  "--add-exports",
  "--add-opens",
  "--add-reads",
  "--patch-module",
  "--describe-module",
  "-d",
  "--source",
]);
const CLASS_PATH = /^(?:-cp|-classpath|--class-path)$/;
/** Those that bring code, by how they begin. */
const INJECTS = new RegExp(
  `^(?:${[
    "-p$|--module-path|--upgrade-module-path|--patch-module",
    "-javaagent:|-agentpath:|-agentlib:|-Xbootclasspath|-Xrun",
    "-XX:(?:Flags|VMOptionsFile|OnError|OnOutOfMemoryError|SharedArchiveFile|\\+AllowArchivingWithJavaAgent)",
    "-Djava\\.(?:library\\.path|class\\.path|ext\\.dirs|system\\.class\\.loader|endorsed\\.dirs|security\\.manager)",
    "-D(?:jdk\\.module\\.|sun\\.boot\\.)",
  ].join("|")})`,
);

export type JavaProgram =
  | { readonly kind: "file"; readonly argument: string }
  | { readonly kind: "class"; readonly candidates: readonly ScriptCandidate[]; readonly relative: boolean }
  | { readonly kind: "inline" | "none" };

export type JavaArguments = {
  readonly program: JavaProgram;
  readonly injected: readonly string[];
  /** Arguments that were looked at; the program is the last of them. */
  readonly read: number;
};

/**
 * Reads java's arguments (without argv[0], argument files expanded). A main class by name is looked for in the class
 * path, in order; with more than one place there the path counts as injected, for any of them may bring other classes.
 */
export function scanJava(args: readonly string[], cwd: string, classPathVariable: string): JavaArguments {
  const injected: string[] = [];
  let classPath = classPathVariable === "" ? undefined : classPathVariable;
  let mode: "class" | "jar" | "source" = "class";
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? "";
    if (!argument.startsWith("-")) {
      const program = programOf(mode, argument, classPath, cwd);
      if (mode !== "jar" && classPath?.includes(":") === true) injected.push(`-cp ${classPath}`);
      return { program, injected, read: at + 1 };
    }
    if (argument === "-jar") mode = "jar";
    if (/^(?:-m|--module)(?:$|=)/.test(argument))
      return { program: { kind: "inline" }, injected, read: at + 1 };
    const cut = argument.indexOf("=");
    const name = cut < 0 || !argument.startsWith("--") ? argument : argument.slice(0, cut);
    const value = cut >= 0 && name !== argument ? argument.slice(cut + 1) : args[at + 1];
    if (CLASS_PATH.test(name)) classPath = value;
    if (name === "--source") mode = "source";
    if (INJECTS.test(argument)) {
      injected.push(WITH_VALUE.has(argument) ? `${argument} ${value ?? ""}` : argument);
    }
    if (WITH_VALUE.has(argument)) at++;
  }
  return { program: { kind: "none" }, injected, read: args.length };
}

function programOf(
  mode: "class" | "jar" | "source",
  argument: string,
  classPath: string | undefined,
  cwd: string,
): JavaProgram {
  if (mode !== "class" || argument.endsWith(".java")) return { kind: "file", argument };
  const entries = (classPath ?? ".").split(":");
  // A wildcard stands for the archives of a folder in an order that only the launcher knows.
  if (entries.length > CLASS_PATH_ENTRIES_MAX || entries.some((entry) => /(?:^|\/)\*$/.test(entry)))
    return { kind: "inline" };
  const inside = `${argument.replaceAll(".", "/")}.class`;
  if (!/^[^\0]{1,1024}$/.test(inside) || inside.split("/").includes("..")) return { kind: "inline" };
  const candidates = entries.flatMap((entry): ScriptCandidate[] => {
    const place = posix.resolve("/", cwd, entry === "" ? "." : entry);
    return [{ path: place, holds: inside }, { path: posix.join(place, inside) }];
  });
  return { kind: "class", candidates, relative: entries.some((entry) => !entry.startsWith("/")) };
}

/**
 * The words of a java argument file: separated by white space, quoted by `"` or `'` with backslash escapes, `#` begins
 * a comment, a backslash before the line's end joins lines (java(1), "java Command-Line Argument Files").
 */
export function parseArgumentFile(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const sign = text.charAt(at);
    if (quote !== "" && sign === "\\") {
      at++;
      const escaped = text.charAt(at);
      if (escaped === "\n") while (/[ \t\f]/.test(text.charAt(at + 1))) at++;
      else word = (word ?? "") + (ESCAPES[escaped] ?? escaped);
    } else if (quote !== "" && !/[\n\r]/.test(sign)) {
      if (sign === quote) quote = "";
      else word = (word ?? "") + sign;
    } else if (sign === '"' || sign === "'") {
      quote = sign;
      word ??= "";
    } else if (sign === "#" && word === undefined) {
      while (at + 1 < text.length && !/[\n\r]/.test(text.charAt(at + 1))) at++;
    } else if (/[ \t\n\r\f]/.test(sign)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      // A line's end closes an open quotation too.
      quote = "";
    } else if (sign === "\\" && /[\n\r]/.test(text.charAt(at + 1))) at++;
    else word = (word ?? "") + sign;
  }
  if (word !== undefined) words.push(word);
  return words;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f" };
