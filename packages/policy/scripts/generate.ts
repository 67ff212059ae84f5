// Writes what is generated from the one definition in code: JSON Schema for editors. `npm run generate` runs it.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { resourceSchemas } from "./schemas.ts";

const folder = path.resolve(import.meta.dirname, "../../../docs/schemas/generated");
mkdirSync(folder, { recursive: true });
for (const { file, text } of resourceSchemas()) writeFileSync(path.join(folder, file), text);
