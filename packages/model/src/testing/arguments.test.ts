import { describe, expect, it } from "vitest";
import {
  BadArgument,
  type Called,
  NUMBER_MAX,
  parseDecimal,
  takeArguments,
  takeNumbers,
} from "./arguments.ts";

/** What a command says that is called like this, and the code it ends with; null where it goes on. */
function called(take: (process: Called) => unknown, ...given: readonly string[]) {
  const ended = new Error("ended");
  let [said, code] = ["", -1];
  const exit = (as: number): never => {
    code = as;
    throw ended;
  };
  const argv = ["/usr/bin/node", "/srv/packages/ringwall/packages/lab/bench/loss.ts", ...given];
  try {
    take({ argv, stderr: { write: (text) => (said += text) }, exit });
    return null;
  } catch (error) {
    if (error !== ended) throw error;
    return { said, code };
  }
}

describe("numbers in their order", () => {
  const take = (process: Called) => takeNumbers(process, { rounds: 9, tcpRate: { default: 20, max: 60 } });
  const numbers = (...given: readonly string[]) => {
    let taken: unknown;
    expect(called((process) => (taken = take(process)), ...given)).toBe(null);
    return taken;
  };

  it("are taken by name, what is left out by its default", () => {
    expect(numbers()).toEqual({ rounds: 9, tcpRate: 20 });
    expect(numbers("1")).toEqual({ rounds: 1, tcpRate: 20 });
    expect(numbers(String(NUMBER_MAX), "60")).toEqual({ rounds: NUMBER_MAX, tcpRate: 60 });
  });

  it.each(["x", "", " 1", "0", "1.5", "1e3", "0x10", "NaN", "Infinity", "٣", "1000001"])(
    "are whole and within their limits: `%s` is not",
    (text) => {
      expect(called(take, text)).toEqual({
        said:
          `error: \`${text}\` is wrong for ROUNDS: write a whole number from 1 to 1000000\n` +
          "  fix: call it as `scripts/node packages/lab/bench/loss.ts [ROUNDS] [TCP_RATE]`\n",
        code: 2,
      });
    },
  );

  it("each have a limit of their own", () => {
    expect(called(take, "1", "61")?.said).toMatch(
      /^error: `61` is wrong for TCP_RATE: write a whole number from 1 to 60\n/,
    );
  });

  it("are neither options nor more than are wanted", () => {
    for (const option of ["--bogus", "-h", "-1"])
      expect(called(take, "1", option)?.said).toMatch(`error: unknown option \`${option}\`\n`);
    expect(called(take, "1", "2", "3")?.said).toMatch("error: nothing is left for `3` to mean\n");
  });
});

it("a decimal number is within its limits, both of them included", () => {
  for (const text of ["0.5", "1", "1.25"])
    expect(parseDecimal("--share", text, 0.5, 1.25)).toBe(Number(text));
  for (const text of ["0.49", "1.26", "-1", ".5", "1.", "1e0", "", "x"])
    expect(() => parseDecimal("--share", text, 0.5, 1.25)).toThrow(
      new BadArgument(`\`${text}\` is wrong for --share: write a number from 0.5 to 1.25`),
    );
});

describe("what a command refuses", () => {
  const failing = (error: unknown) => (process: Called) =>
    takeArguments(process, "FILE", () => {
      throw error;
    });
  const withCode = (message: string, fields: object) => Object.assign(new TypeError(message), fields);

  it.each([
    ["its own words", new BadArgument("one file is wanted"), "one file is wanted"],
    [
      "the first sentence of Node.js's parseArgs",
      withCode(
        "Unknown option '--a'. To specify a positional argument starting with a '-', place it at the end",
        {
          code: "ERR_PARSE_ARGS_UNKNOWN_OPTION",
        },
      ),
      "unknown option `--a`",
    ],
    [
      "its first line",
      withCode("Option '--seed' argument is ambiguous.\nDid you forget it?", {
        code: "ERR_PARSE_ARGS_INVALID_OPTION_VALUE",
      }),
      "option `--seed` argument is ambiguous",
    ],
    [
      "a file that can't be read",
      withCode("ENOENT: no such file or directory, open 'a.json'", { code: "ENOENT", syscall: "open" }),
      "ENOENT: no such file or directory, open `a.json`",
    ],
  ])("is said in %s", (_what, error, words) => {
    expect(called(failing(error))).toEqual({
      said: `error: ${words}\n  fix: call it as \`scripts/node packages/lab/bench/loss.ts FILE\`\n`,
      code: 2,
    });
  });

  it("is no bug: that is thrown as it is", () => {
    const bug = new TypeError("bug");
    expect(() => called(failing(bug))).toThrow(bug);
  });
});
