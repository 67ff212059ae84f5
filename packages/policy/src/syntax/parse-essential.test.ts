import { expect, it } from "vitest";
import { parseEssential } from "./parse-essential.ts";

function codesOf(text: string): string[] {
  const parsed = parseEssential({ file: "essential.yaml", text });
  return parsed.ok ? [] : parsed.error.map(({ code, place }) => `${place?.line}:${place?.column} ${code}`);
}

it("what names nothing is refused, so that no management list locks operators out unseen", () => {
  const list = (entry: string) => `resolvers: [10.0.0.53]\nmanagement:\n  - ${entry}\n`;
  expect(codesOf(list("{ cidrs: [10.0.0.0/8, fd00::/8], ports: [tcp/22, tcp/ssh] }"))).toEqual([]);
  expect(codesOf(list("{ cidrs: [10.0.0.1/8], ports: [tcp/22] }"))).toEqual(["3:15 host-bits"]);
  expect(codesOf(list("{ cidrs: [office], ports: [tcp/22] }"))).toEqual(["3:15 bad-cidr"]);
  expect(codesOf(list("{ cidrs: [10.0.0.0/8], ports: [ssh] }"))).toEqual(["3:36 bad-port"]);
  expect(codesOf(list("{ cidrs: [10.0.0.0/8], ports: [tcp/99999] }"))).toEqual(["3:36 bad-port"]);
  expect(codesOf("resolvers: [dns.example.com]")).toEqual(["1:13 bad-cidr"]);
  expect(codesOf("controller: { addresses: [here], port: 7481 }")).toEqual(["1:27 bad-cidr"]);
});
