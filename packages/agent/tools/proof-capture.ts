// Writes the documented example of a proof as a capture: scripts/node packages/agent/tools/proof-capture.ts docs/proof.pcap
import { writeFileSync } from "node:fs";
import { exampleCapture } from "../src/proof/testing/capture.ts";

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: scripts/node packages/agent/tools/proof-capture.ts FILE");
  process.exit(2);
}
writeFileSync(file, exampleCapture());
