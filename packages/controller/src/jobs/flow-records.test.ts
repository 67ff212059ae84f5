import { expect, it } from "vitest";
import { verificationOf } from "./flow-records.ts";

const end = (workload: string | null) => ({ workload, ip: "10.0.0.1", process: null });
const seen = (
  reporter: "source" | "destination" | "joined",
  known: "unknown" | "address" | "in-band",
  peer = "x",
) => ({
  reporter,
  known,
  src: end(reporter === "source" ? "me" : peer || null),
  dst: end(reporter === "source" ? peer || null : "me"),
});

it.each([
  ["joined", "in-band", "in-band"],
  ["joined", "address", "attested"],
  ["joined", "unknown", "attested"],
  ["source", "in-band", "in-band"],
  ["destination", "in-band", "in-band"],
  ["destination", "address", "address"],
  ["source", "unknown", "address"],
] as const)("a flow told by %s that knew its peer %s is %s", (reporter, known, level) => {
  expect(verificationOf(seen(reporter, known))).toBe(level);
});

it.each(["unknown", "address", "in-band"] as const)(
  "nobody's address is known by nothing, whatever was told (%s)",
  (known) => {
    expect(verificationOf(seen("source", known, ""))).toBe("none");
    expect(verificationOf(seen("destination", known, ""))).toBe("none");
  },
);
