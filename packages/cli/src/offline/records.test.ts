import { flowEnd, formatProblem } from "@ringwall/model";
import { expect, test } from "vitest";
import { parseEnd, parseFlow } from "./records.ts";

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

const GOOD =
  '{"time":"2026-11-20T10:00:00Z","proto":"tcp","port":5432,"src":{"ip":"10.0.0.1"},"dst":{"ip":"fd00::1"}}';

function wrongIn(text: string): string {
  const read = parseFlow("f.ndjson", 7, text);
  return "record" in read ? "" : formatProblem(read.problem());
}

test("what is wrong with a record is told with its column, the value that stands there, and what may", () => {
  expect(wrongIn(GOOD)).toBe("");
  expect(wrongIn(GOOD.replace("5432", "99999"))).toBe(
    "f.ndjson:7:53: error[bad-record]: `port` is `99999`, more than 65535\n  fix: write at most 65535",
  );
  expect(wrongIn(GOOD.replace("tcp", "tcpp"))).toMatch(
    /^f\.ndjson:7:40: .*`proto` is `tcpp`.*\n {2}fix: did you mean `tcp`\?$/,
  );
  expect(wrongIn(GOOD.replace("10.0.0.1", "999.0.0.1"))).toMatch(
    /`src\.ip` is `999\.0\.0\.1`, not a valid IP address/,
  );
  expect(wrongIn(GOOD.replace('"port"', '"prot"'))).toMatch(
    /unknown key `prot`\n {2}fix: did you mean `(port|proto)`\?/,
  );
  expect(wrongIn(GOOD.replace('"time":"2026-11-20T10:00:00Z",', ""))).toMatch(/`time` is missing/);
  expect(wrongIn(GOOD.slice(0, -1))).toMatch(/^f\.ndjson:7:\d{3}: .*the line is not JSON/);
  expect(wrongIn("[]")).toMatch(/^f\.ndjson:7:1: error\[bad-record\]: /);
  expect(wrongIn("null")).toMatch(/^f\.ndjson:7:1: error\[bad-record\]: /);
});
