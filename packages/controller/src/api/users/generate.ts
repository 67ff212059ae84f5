// Writes the OpenAPI document and the console's and command line's types from the routes: `npm run generate`.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { generateOpenApi, generateTypes } from "./generated.ts";

const target = (name: string) =>
  fileURLToPath(new URL(`../../../../protocol/src/generated/${name}`, import.meta.url));
const document = await generateOpenApi();
writeFileSync(target("openapi.json"), document);
writeFileSync(target("api.d.ts"), await generateTypes(document));
