/** An agent in a process of its own, for tests that kill it: options as JSON in the first argument. */
import { AgentError } from "../agent-error.ts";
import { runAgent } from "../main.ts";

const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const { netns, ...options } = JSON.parse(process.argv[2] ?? "{}");
try {
  const given = {
    ...options,
    ...(netns === undefined ? {} : { netns: async () => netns }),
    signal: stop.signal,
    onReady: () => process.stdout.write("ready\n"),
  };
  await runAgent(given, process.stderr);
} catch (error) {
  if (!(error instanceof AgentError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
