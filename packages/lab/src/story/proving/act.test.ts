import { describe, expect, it } from "vitest";
import { whyNoDatagrams } from "./act.ts";

const feature = (name: string, available: boolean) => ({
  name,
  available,
  why: available ? "" : "no bpf_check_mtu",
  means: `what ${name} is for`,
});

describe("the act of the proof", () => {
  it("tries datagrams where both programs that prove them were loaded", () => {
    const both = [feature("prove-datagrams", true), feature("read-datagram-proofs", true)];
    expect(whyNoDatagrams([...both, feature("refuse-listen", false)])).toBeUndefined();
  });

  it("leaves them out where a kernel takes one of these not, and says why", () => {
    const one = [feature("prove-datagrams", true), feature("read-datagram-proofs", false)];
    expect(whyNoDatagrams(one)).toBe("what read-datagram-proofs is for (no bpf_check_mtu)");
  });
});
