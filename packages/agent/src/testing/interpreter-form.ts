import type { Language } from "./interpreter-programs.ts";

/** How a program is called: the words after which nothing more is needed, in the folder `dir`. */
export type Call = {
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
};

/** One way to call an interpreter, with its counterparts that must not pass for it. */
export type Form = {
  readonly name: string;
  readonly language: Language;
  /** What must be there. */
  readonly needs: string;
  /** The file that holds the program, relative to the form's folder. */
  readonly script: string;
  /** What stands before the program, such as a `#!` line. */
  readonly head?: string;
  /** Further files; `DIR` stands for the folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  /** Shell commands to run there. */
  readonly prepare?: string;
  readonly call: (dir: string) => Call;
  /** The same program with foreign code. */
  readonly injected: (dir: string) => Call;
  /** The same code from no file. */
  readonly unattributable: (dir: string, program: string) => Call;
};

type Tail = readonly string[] | ((dir: string) => readonly string[]);

/** Forms of one interpreter that differ in their words only. */
export function forms(
  base: Pick<Form, "language" | "needs" | "unattributable"> & {
    readonly file: string;
    /** What injects code where a row says nothing else. */
    readonly variable: Readonly<Record<string, string>>;
  },
  rows: readonly (readonly [name: string, tail: Tail, more?: Partial<Form>])[],
): Form[] {
  return rows.map(([name, tail, more]) => {
    const call: Form["call"] =
      more?.call ?? ((dir) => ({ argv: [base.needs, ...(typeof tail === "function" ? tail(dir) : tail)] }));
    const injected = (dir: string): Call => {
      const { environment, ...rest } = call(dir);
      return { ...rest, environment: { ...environment, ...base.variable } };
    };
    return { ...base, name: `${base.language} ${name}`, script: base.file, injected, ...more, call };
  });
}

export const inline =
  (...argv: readonly string[]) =>
  (_dir: string, program: string): Call => ({
    argv: [...argv, program],
  });
export const fed =
  (...argv: readonly string[]) =>
  (_dir: string, program: string): Call => ({ argv, input: program });
