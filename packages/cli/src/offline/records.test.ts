import { flowEnd } from "@ringwall/model";
import { expect, test } from "vitest";
import { parseEnd } from "./records.ts";

const ADDRESSES = [
  "93.184.216.34",
  "0.0.0.0",
  "255.255.255.255",
  "1.2.3",
  "1.2.3.4.5",
  "1.2.3.256",
  "01.2.3.4",
  "...",
];
const PORTS = [
  "0",
  "7",
  "00",
  "40000",
  "59999",
  "60000",
  "64999",
  "65000",
  "65535",
  "65536",
  "99999",
  "-1",
  "1.5",
  "null",
];

/** What the schema says, and without what no caller looks at. */
function bySchema(text: string) {
  const { port: _port, ...end } = flowEnd.parse(JSON.parse(text));
  return end;
}

test("an end that is an address alone is read as the schema would read it", () => {
  const texts = ADDRESSES.flatMap((ip) => [
    `{"ip":"${ip}"}`,
    `{"ip": "${ip}"}`,
    `{"ip":"${ip}","user":"root"}`,
    ...PORTS.map((port) => `{"ip":"${ip}","port":${port}}`),
  ]);
  let good = 0;
  for (const text of texts) {
    const read = parseEnd(text);
    let expected: ReturnType<typeof bySchema> | null = null;
    try {
      expected = bySchema(text);
    } catch {
      // no end
    }
    if (read === null) expect(expected, text).toBeNull();
    else {
      const { port: _port, ...end } = read;
      expect(end, text).toEqual(expected);
      good++;
    }
  }
  expect(good).toBeGreaterThan(20);
  expect(texts.length - good).toBeGreaterThan(20);
});
