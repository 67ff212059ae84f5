// Writes docs/cli.md from the commands: `npm run generate` in packages/cli.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { formatReference } from "./reference.ts";

writeFileSync(fileURLToPath(new URL("../../../../docs/cli.md", import.meta.url)), await formatReference());
