import { labels as labelsSchema, name as nameSchema } from "@ringwall/model";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseFibTrie, parseIfInet6, withinLimit } from "./container-addresses.ts";
import { describeWorkload } from "./describe-workload.ts";
import type { FoundContainer } from "./find-containers.ts";

const found = (kind: FoundContainer["kind"]): FoundContainer => ({
  path: "/x",
  id: "0123456789abcdef".repeat(4),
  kind,
  containers: [],
  inode: 1n,
});

describe("a container's workload", () => {
  const facts = {
    name: "web",
    image: null,
    pod: { namespace: "shop", name: "web-0" },
    labels: { "ringwall.app": "crm", "ringwall.carrier": "evil", other: "x" },
  };

  test("is called and labelled after the container, or its pod, and no label claims another carrier", () => {
    expect(describeWorkload("h", found("container"), facts)).toEqual({
      name: "h/web",
      labels: { app: "crm", container: "web", carrier: "h" },
    });
    expect(describeWorkload("h", found("pod"), facts)).toEqual({
      name: "h/shop/web-0",
      labels: { app: "crm", namespace: "shop", pod: "web-0", carrier: "h" },
    });
    expect(describeWorkload("h", found("container"), undefined).name).toBe("h/0123456789ab");
  });

  test("has a valid name and valid labels whatever the engine says", () => {
    const hostile = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("..", "/", "\n", "a".repeat(500)),
    );
    fc.assert(
      fc.property(hostile, hostile, fc.dictionary(hostile, hostile), (name, value, labels) => {
        const given = {
          name,
          image: null,
          pod: { namespace: value, name },
          labels: { ...labels, [`ringwall.${name}`]: value },
        };
        for (const kind of ["container", "pod"] as const) {
          const workload = describeWorkload("h", found(kind), given);
          expect(nameSchema.safeParse(workload.name).success).toBe(true);
          expect(workload.name.startsWith("h/")).toBe(true);
          expect(labelsSchema.safeParse(workload.labels).success).toBe(true);
          expect(workload.labels["carrier"]).toBe("h");
        }
      }),
    );
  });
});

test("a namespace's own addresses are read, loopback and link-local left out", () => {
  const trie = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 10.88.0.0
        /24 link UNICAST
     |-- 10.88.0.1
        /32 host LOCAL
     |-- 127.0.0.1
        /32 host LOCAL
Local:
     |-- 10.88.0.1
        /32 host LOCAL
`;
  expect(parseFibTrie(trie)).toEqual(["10.88.0.1"]);
  const six = `00000000000000000000000000000001 01 80 10 80       lo
fe80000000000000000000000000abcd 02 40 20 80     eth0
fd000000000000000000000000000002 02 40 00 80     eth0
`;
  expect(parseIfInet6(six)).toEqual(["fd00:0000:0000:0000:0000:0000:0000:0002"]);
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseFibTrie(text);
      parseIfInet6(text);
    }),
  );
});

test("of more addresses than one may have those count that did before", () => {
  const local = (text: string) => ({ bytes: new Uint8Array(16), text, bits: 128 });
  const all = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(local);
  const texts = (before: readonly string[]) => withinLimit(all, before.map(local), 2).map(({ text }) => text);
  expect(texts([])).toEqual(["10.0.0.1", "10.0.0.2"]);
  expect(texts(["10.0.0.3", "10.0.0.2"])).toEqual(["10.0.0.2", "10.0.0.3"]);
  expect(withinLimit(all, [], 3)).toBe(all);
});
