import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { generateOpenApi, generateTypes } from "./generated.ts";

const kept = (name: string) =>
  readFileSync(new URL(`../../../../protocol/src/generated/${name}`, import.meta.url), "utf8");

it("the OpenAPI document and the types kept in packages/protocol are those of the routes", async () => {
  const document = await generateOpenApi();
  expect(document === kept("openapi.json"), "run `npm run generate` in packages/controller").toBe(true);
  expect((await generateTypes(document)) === kept("api.d.ts")).toBe(true);
});

it("every route is named and every reply has a schema", async () => {
  const document = JSON.parse(await generateOpenApi()) as {
    openapi: string;
    paths: Record<string, Record<string, { operationId?: string; responses: Record<string, unknown> }>>;
  };
  expect(document.openapi).toBe("3.1.0");
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  expect(operations.length).toBeGreaterThan(15);
  for (const operation of operations) {
    expect(operation.operationId).toBeTypeOf("string");
    expect(Object.keys(operation.responses)).toContain("200");
  }
});
