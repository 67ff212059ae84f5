/** The rules that a drill brings, held against what the kernel would answer; and what an attempt says. */
import { encodeAddress, parseAddress } from "@ringwall/model";
import { processOf } from "@ringwall/model/testing";
import { createInterpreter, lowerHost } from "@ringwall/policy/lower";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allowSoftware, hostPolicyOf } from "../testing/host-policy.ts";
import { withDrill } from "./rules.ts";
import { toldIn } from "./run-canary.ts";

const DECOY = "d".repeat(64);
const OTHER = "e".repeat(64);
const SINK = { address: "10.0.0.2", senderPort: 40_000, receiverPort: 40_001 };
const drill = {
  peer: SINK.address,
  senderPort: SINK.senderPort,
  receiverPort: SINK.receiverPort,
  proves: false,
  software: [{ executable: { sha256: DECOY } }],
};

/** What the kernel answers to a program's attempt. */
function answers(policy: ReturnType<typeof hostPolicyOf>) {
  const lowered = lowerHost(policy);
  const all = [...lowered.entries];
  return (sha256: string, address: string, port: number, direction: "outbound" | "inbound" = "outbound") => {
    const { subject, entries } = lowered.subjectOf(processOf({ exe: "/x", exeSha256: sha256, user: "root" }));
    // Handed out once for each class.
    all.push(...entries);
    const ask = createInterpreter({ slot: lowered.slot, entries: all });
    const peer = encodeAddress(parseAddress(address) ?? 0n);
    return ask({ subject, peer, direction, proto: 6, port }).action;
  };
}

describe("the rules of a drill", () => {
  const open = hostPolicyOf(allowSoftware("everything", { executable: { sha256: OTHER } }));

  test("let only the decoy to the port where the sender judges, though others may go everywhere", () => {
    const ask = answers(withDrill(open, { ...drill, side: "sender" }));
    expect(ask(DECOY, SINK.address, SINK.senderPort)).toBe("allow");
    expect(ask(OTHER, SINK.address, SINK.senderPort)).toBe("deny");
    expect(ask(OTHER, SINK.address, SINK.receiverPort)).toBe("allow");
  });

  test("open nothing else: no other port, no other address, no other direction", () => {
    const before = answers(hostPolicyOf());
    const after = answers(withDrill(hostPolicyOf(), { ...drill, side: "sender" }));
    fc.assert(
      fc.property(
        fc.constantFrom(DECOY, OTHER),
        fc.constantFrom(SINK.address, "10.0.0.3", "fd00::1"),
        fc.nat({ max: 65_535 }).filter((port) => port !== SINK.senderPort && port !== SINK.receiverPort),
        fc.constantFrom("outbound" as const, "inbound" as const),
        (sha256, address, port, direction) => {
          expect(after(sha256, address, port, direction)).toBe(before(sha256, address, port, direction));
        },
      ),
    );
    expect(after(DECOY, "10.0.0.3", SINK.senderPort)).toBe("deny");
    expect(after(DECOY, SINK.address, SINK.senderPort, "inbound")).toBe(
      before(DECOY, SINK.address, SINK.senderPort, "inbound"),
    );
  });

  test("take no name and no number from the policy", () => {
    const own = hostPolicyOf(allowSoftware("ringwall-drill", { executable: { sha256: OTHER } }));
    const policy = withDrill(own, { ...drill, side: "sender" });
    expect(policy.software["ringwall-drill"]).toEqual(own.software["ringwall-drill"]);
    expect(new Set(policy.rules.map(({ id }) => id)).size).toBe(policy.rules.length);
    expect(answers(policy)(DECOY, SINK.address, SINK.senderPort)).toBe("allow");
  });
});

describe("what an attempt prints", () => {
  test("is one line of ours, whatever else it says", () => {
    expect(toldIn('noise\n{"step":"connect","errno":111}\nmore')).toEqual({
      kind: "end",
      step: "connect",
      errno: 111,
    });
    expect(toldIn('{"skipped":"no SCTP here"}')).toEqual({ kind: "skipped", why: "no SCTP here" });
    expect(toldIn("")).toMatchObject({ kind: "silent" });
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void toldIn(text)));
  });
});
