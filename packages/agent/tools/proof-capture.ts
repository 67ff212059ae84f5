// Writes the documented example of a proof as a capture: scripts/node packages/agent/tools/proof-capture.ts docs/proof.pcap
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { BadArgument, takeArguments } from "@ringwall/model/testing/arguments";
import { exampleCapture } from "../src/proof/testing/capture.ts";

takeArguments(process, "FILE", () => {
  const [file, ...more] = parseArgs({ allowPositionals: true }).positionals;
  if (file === undefined || more.length > 0) throw new BadArgument("one file is wanted");
  writeFileSync(file, exampleCapture());
});
