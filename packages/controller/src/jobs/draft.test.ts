import { API_VERSION, type Mode, type Segment } from "@ringwall/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { draftWithMode, parseDraft, sameResources, withMode } from "./draft.ts";

const mode = fc.constantFrom<Mode>("observe", "alert", "block");
const segment: fc.Arbitrary<Segment> = fc
  .record({ all: fc.option(mode, { nil: undefined }), inbound: fc.option(mode, { nil: undefined }) })
  .map(({ all, inbound }) => ({
    apiVersion: API_VERSION,
    kind: "Segment",
    metadata: { name: "web" },
    spec: {
      workloads: { role: "web" },
      ...(all === undefined ? { modes: inbound === undefined ? {} : { inbound } } : { mode: all }),
    },
  }));

describe("a segment's mode", () => {
  it("changes in every direction it governs, and governs no other than before", () => {
    fc.assert(
      fc.property(segment, mode, (one, wanted) => {
        const { spec } = withMode(one, wanted, undefined);
        const governed =
          one.spec.mode === undefined
            ? Object.keys(one.spec.modes ?? {})
            : ["inbound", "outbound", "processes"];
        expect(spec.mode).toBeUndefined();
        expect(spec.modes).toEqual(Object.fromEntries(governed.map((direction) => [direction, wanted])));
      }),
    );
  });

  it("changes in the directions named only", () => {
    const one: Segment = {
      apiVersion: API_VERSION,
      kind: "Segment",
      metadata: { name: "web" },
      spec: { workloads: {}, mode: "alert" },
    };
    expect(withMode(one, "block", ["inbound"]).spec.modes).toEqual({
      inbound: "block",
      outbound: "alert",
      processes: "alert",
    });
  });
});

describe("the draft's text", () => {
  const text = `# owned by the web team
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: web } # the shop
spec:
  workloads: { role: web }
  mode: observe
---
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: db }
spec: { workloads: { role: db }, mode: observe }
`;
  const files = [
    { file: "a.yaml", text },
    { file: "b.yaml", text: "# nothing here yet\n" },
  ];
  const web: Segment = {
    apiVersion: API_VERSION,
    kind: "Segment",
    metadata: { name: "web" },
    spec: { workloads: { role: "web" }, modes: { inbound: "block" } },
  };

  it("takes a mode over and keeps what people wrote around it", () => {
    const [a, b] = draftWithMode(files, web);
    expect(b).toEqual(files[1]);
    expect(a?.text).toContain("# owned by the web team");
    expect(a?.text).toContain("# the shop");
    const parsed = parseDraft(a === undefined ? [] : [a]);
    expect(parsed.ok && parsed.value.find((one) => one.metadata.name === "web")?.spec).toEqual(web.spec);
    expect(parsed.ok && parsed.value.find((one) => one.metadata.name === "db")?.spec).toMatchObject({
      mode: "observe",
    });
  });

  it("is the same policy in whatever order it is written", () => {
    const parsed = parseDraft(files);
    if (!parsed.ok) throw new Error("it does not parse");
    const segments = parsed.value;
    expect(sameResources(segments, segments.toReversed())).toBe(true);
    expect(sameResources(segments, segments.slice(1))).toBe(false);
  });
});
