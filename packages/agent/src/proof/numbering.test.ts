import { processOf } from "@ringwall/model/testing";
import { beforeEach, expect, test } from "vitest";
import type { ControllerClient } from "../session/client.ts";
import { createNumbering, type Numbering } from "./numbering.ts";

const IDENTITIES = [
  [7, processOf({ exe: "/bin/a" })],
  [8, processOf({ exe: "/bin/b" })],
] as const;

let asked: string[];
let given: [id: number, number: number][];
let first: number;
let numbering: Numbering;

beforeEach(async () => {
  asked = [];
  given = [];
  first = 100;
  numbering = createNumbering({
    workload: "web-1",
    client,
    onNumber: async (...one) => void given.push([one[0], one[1]]),
  });
  for (const [id, identity] of IDENTITIES) numbering.meet(id, identity);
  numbering.heard({ run: 1n, complete: true }, IDENTITIES);
  await numbering.ask();
  expect(asked.splice(0)).toEqual(["/bin/a", "/bin/b"]);
  expect(given.splice(0)).toEqual([
    [7, 100],
    [8, 101],
  ]);
});

/** Only what is called here. */
function client(): ControllerClient {
  const numberIdentities = async ({
    processes,
  }: {
    readonly processes: readonly { readonly exe: string }[];
  }) => {
    asked.push(...processes.map(({ exe }) => exe));
    return { numbers: processes.map((_, index) => first + index) };
  };
  return { service: { numberIdentities }, close: () => undefined } as unknown as ControllerClient;
}

test("numbers are asked for once, also where a policy changed and so everything is told anew", async () => {
  numbering.heard({ run: 1n, complete: true }, IDENTITIES);
  numbering.heard({ run: 1n, complete: false }, IDENTITIES);
  await numbering.ask();
  expect(asked).toEqual([]);
});

test.each([
  ["another run of the controller answers", { run: 2n, complete: true }],
  ["an older controller tells everything anew", { run: undefined, complete: true }],
])(
  "numbers are asked for again where %s, and those that are others now are told",
  async (_, { run, complete }) => {
    numbering.heard({ complete, ...(run === undefined ? {} : { run }) }, IDENTITIES);
    await numbering.ask();
    expect(asked).toEqual(["/bin/a", "/bin/b"]);
    expect(given).toEqual([]);
    first = 200;
    numbering.heard({ run: 3n, complete: true }, IDENTITIES);
    await numbering.ask();
    expect(given).toEqual([
      [7, 200],
      [8, 201],
    ]);
  },
);
