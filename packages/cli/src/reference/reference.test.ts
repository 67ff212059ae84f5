import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { formatReference } from "./reference.ts";

it("docs/cli.md is what the commands say of themselves", async () => {
  const kept = readFileSync(new URL("../../../../docs/cli.md", import.meta.url), "utf8");
  expect(kept === (await formatReference()), "run `npm run generate` in packages/cli").toBe(true);
});
