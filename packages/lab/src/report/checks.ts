import { styleText } from "node:util";

/** One expectation and what was seen: a line of the lab's table. */
export type Check = {
  readonly phase: string;
  /** What was tried. */
  readonly tried: string;
  readonly from: string;
  readonly to: string;
  readonly expected: string;
  readonly seen: string;
  /** The rule that decided, as the controller reports it; empty where no rule is concerned. */
  readonly rule: string;
  /** The controller's alert about it, word by word; empty where there was to be none. */
  readonly alert: string;
  readonly passed: boolean;
};

/** What was not tried here, and why. */
export type Skipped = { readonly phase: string; readonly tried: string; readonly why: string };

export type CheckInput = Omit<Check, "phase" | "from" | "to" | "rule" | "alert"> &
  Partial<Pick<Check, "from" | "to" | "rule" | "alert">>;

/** Gathers the checks of a run and says each one as it is made, so that a person can follow. */
export class Checks {
  readonly #all: Check[] = [];
  readonly #skipped: Skipped[] = [];
  readonly #started = Date.now();
  #phase = "";

  /** Begins a part of the story; the checks that follow belong to it. */
  phase(name: string): void {
    this.#phase = name;
    console.log(`\n${styleText("bold", name)}  ${styleText("dim", `${this.seconds} s`)}`);
  }

  add(input: CheckInput): void {
    const check: Check = { phase: this.#phase, from: "", to: "", rule: "", alert: "", ...input };
    this.#all.push(check);
    const mark = check.passed ? styleText("green", "  ok  ") : styleText("red", " FAIL ");
    const where = check.from === "" ? "" : ` ${check.from} → ${check.to}`;
    const rule = check.rule === "" ? "" : styleText("dim", `  (${check.rule})`);
    console.log(`${mark}${check.tried}${where}: ${check.seen}${rule}`);
    if (!check.passed) console.log(`      expected: ${check.expected}`);
  }

  /** What can't be tried on this machine, by name. */
  skip(tried: string, why: string): void {
    this.#skipped.push({ phase: this.#phase, tried, why });
    console.log(`${styleText("yellow", " skip ")}${tried}: ${why}`);
  }

  /** Something a person wants to know that no expectation hangs on. */
  note(text: string): void {
    for (const line of text.trimEnd().split("\n")) console.log(styleText("dim", `      ${line}`));
  }

  get all(): readonly Check[] {
    return this.#all;
  }

  get skipped(): readonly Skipped[] {
    return this.#skipped;
  }

  get failed(): number {
    return this.#all.filter((check) => !check.passed).length;
  }

  get seconds(): number {
    return Math.round((Date.now() - this.#started) / 1000);
  }
}
