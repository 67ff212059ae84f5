import { describe, expect, it } from "vitest";
import { findCgroup2 } from "./cgroup.ts";

describe("findCgroup2", () => {
  it("finds the unified mount of a hybrid machine", () => {
    const mountinfo = [
      "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755",
      "34 31 0:31 / /sys/fs/cgroup/memory rw,relatime shared:4 - cgroup cgroup rw,memory",
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 master:2 - cgroup2 cgroup2 rw",
    ].join("\n");
    expect(findCgroup2(mountinfo)).toBe("/sys/fs/cgroup/unified");
  });

  it("finds none where only version 1 is mounted", () => {
    expect(findCgroup2("34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")).toBeNull();
  });
});
