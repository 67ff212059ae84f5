// A controller as a process of its own, for tests that kill it: prints one JSON line when it is ready, ends on SIGTERM.
import { startController } from "../start.ts";

const [dataDir = "", listenAgents = "127.0.0.1:0"] = process.argv.slice(2);
const controller = await startController({
  dataDir,
  listen: "127.0.0.1:0",
  listenAgents,
  logTo: process.stderr,
  logLevel: "silent",
  consoleDir: "/nonexistent",
});
process.stdout.write(`${JSON.stringify(controller)}\n`);
process.once("SIGTERM", () => void controller.close().then(() => process.exit(0)));
