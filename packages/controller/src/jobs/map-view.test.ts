import { describe, expect, it } from "vitest";
import { nodeId } from "./map-view.ts";

const end = (ip: string, workload: string | null = null) => ({ ip, workload, process: null });

describe("a node of the map", () => {
  it("is the workload where one is known, else the network, else the internet", () => {
    expect(nodeId(end("10.1.2.3", "web-1"))).toBe("web-1");
    expect(nodeId(end("10.1.2.3"))).toBe("10.1.2.0/24");
    expect(nodeId(end("fd00:1:2:3:4:5:6:7"))).toBe("fd00:1:2:3::/64");
    expect(nodeId(end("fd00::7"))).toBe("fd00::/64");
    expect(nodeId(end("93.184.216.34"))).toBe("internet");
    expect(nodeId(end("2606:4700::1111"))).toBe("internet");
  });
});
