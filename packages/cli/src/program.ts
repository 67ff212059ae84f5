import { Command } from "commander";
import { commandName } from "./command-name.ts";
import { type CommandEntry, commands } from "./commands.ts";
import { VERSION } from "./version.ts";

const DESCRIPTION =
  "Identity-based microsegmentation for Linux fleets: learn who talks to whom, propose the smallest policy, " +
  "show what it would break, enforce it in the kernel.";

const AFTER = `
Exit codes: 0 done or yes, 1 the answer is "no", 2 the input or the call is wrong.
\`ringwall COMMAND --help\` tells more; docs/cli.md has it all on one page.`;

/** The program with those commands that `argv` can mean: the named one, or all of them for the help. */
export async function buildProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command("ringwall")
    .description(DESCRIPTION)
    .version(VERSION, "-V, --version")
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ sortSubcommands: false })
    .addHelpCommand(
      new Command("help").argument("[command]").description("help for a command").helpGroup("Look:"),
    )
    .addHelpText("after", AFTER);
  const named = argv.find((argument) => !argument.startsWith("-"));
  const entry = named === undefined ? undefined : commands[named];
  const wanted = entry === undefined ? Object.values(commands) : [entry];
  for (const one of wanted) await add(program, one, argv);
  remedyErrors(program, commandName());
  return program;
}

/** A call that is wrong is told what to do, as every other error is. */
function remedyErrors(command: Command, path: string): void {
  command.showHelpAfterError(`  fix: \`${path} --help\` shows what it takes`);
  for (const one of command.commands) remedyErrors(one, `${path} ${one.name()}`);
}

async function add(program: Command, entry: CommandEntry, argv: readonly string[]): Promise<void> {
  const { onFiles } = entry;
  const isFiles = onFiles?.options.some((option) => argv.some((given) => isOption(given, option))) ?? false;
  const module = isFiles && onFiles !== undefined ? await onFiles.load() : await entry.load();
  module.register(program);
  const command = program.commands.at(-1);
  if (command === undefined) throw new Error("bug: a command module registered nothing");
  command.helpGroup(entry.group).helpCommand(false);
  if (onFiles !== undefined && !isFiles && argv.some((given) => HELP_WORDS.has(given))) {
    command.addHelpText("after", await filesHelp(onFiles.load));
  }
}

const HELP_WORDS: ReadonlySet<string> = new Set(["--help", "-h", "help"]);

function isOption(given: string, option: string): boolean {
  return given === option || given.startsWith(`${option}=`);
}

async function filesHelp(load: () => Promise<{ register: (program: Command) => void }>): Promise<string> {
  const program = new Command("ringwall");
  (await load()).register(program);
  const text = program.commands.map((command) => command.helpInformation()).join("\n");
  return `\nOn files, without a controller:\n\n${text.replace(/^(?=.)/gm, "  ")}`;
}
