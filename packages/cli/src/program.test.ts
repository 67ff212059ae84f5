import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as agreed from "@ringwall/protocol/agent";
import { expect, it } from "vitest";
import { commands } from "./commands.ts";
import * as limits from "./output/parse-options.ts";
import { buildProgram } from "./program.ts";

it("the help lists every command under its heading", async () => {
  const help = (await buildProgram(["--help"])).helpInformation();
  for (const [name, { group }] of Object.entries(commands)) {
    expect(help).toMatch(new RegExp(`^  ${name}\\b`, "m"));
    expect(help).toContain(group);
  }
});

it("a named command is the only one that is loaded", async () => {
  const program = await buildProgram(["get", "flows"]);
  expect(program.commands.map((command) => command.name())).toEqual(["get"]);
});

it("a command that works on files as well is chosen by its options, and its help tells of both", async () => {
  const options = async (...argv: string[]) => {
    const [command] = (await buildProgram(argv)).commands;
    return command?.options.map((option) => option.long) ?? [];
  };
  expect(await options("learn")).toContain("--server");
  expect(await options("learn", "--flows", "f.ndjson")).not.toContain("--server");
  expect(await options("learn", "--flows=f.ndjson")).toContain("--flows");
  let shown = "";
  const program = await buildProgram(["learn", "--help"]);
  program.commands[0]?.configureOutput({ writeOut: (text) => (shown += text) }).outputHelp();
  expect(shown).toMatch(/--server[\s\S]*On files, without a controller:[\s\S]*--flows/);
});

it("what declares commands imports nothing of the other packages, so that the help is quick", () => {
  const seen = new Set<string>();
  const pending = ["main.ts"].map((name) => resolve(import.meta.dirname, name));
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const text = readFileSync(file, "utf8");
    for (const name of importsOf(text, file.endsWith("commands.ts"))) {
      if (name.startsWith(".")) pending.push(resolve(dirname(file), name));
      else expect([file, name]).toEqual([file, expect.stringMatching(/^(node:.*|commander)$/)]);
    }
  }
  expect(seen).toContain(fileURLToPath(new URL("online/get.ts", import.meta.url)));
});

it("the limits of a pause and of a drill's schedule are the protocol's", () => {
  const { PAUSE_SECONDS_MAX, DRILL_EVERY_SECONDS_MIN, DRILL_EVERY_SECONDS_MAX } = limits;
  expect(agreed).toMatchObject({ PAUSE_SECONDS_MAX, DRILL_EVERY_SECONDS_MIN, DRILL_EVERY_SECONDS_MAX });
});

/** Modules that are loaded with this one; in the table of commands, those that it loads for the help as well. */
function importsOf(text: string, withDynamic: boolean): string[] {
  const fixed = [...text.matchAll(/^(?:import|export)(?! type)[^;]*? from "([^"]+)"/gm)];
  const dynamic = withDynamic ? [...text.matchAll(/import\("([^"]+)"\)/g)] : [];
  return [...fixed, ...dynamic].flatMap((match) => match[1] ?? []);
}
