/** The parts of the guests' set-up that need no guest, and a check that can fail. */
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { INSTRUCTIONS_MAX, judgeProgram } from "./check-loads.ts";
import { formatCpio, inOrder } from "./initramfs.ts";
import { chooseTests, splitTests } from "./kernel-tests.ts";

const fine = { name: "connect4", loaded: true, optional: false, instructionsVerified: 90_000, why: "" };

describe("a program in a guest", () => {
  test("is fine when it loads within the instructions it may take", () => {
    expect(judgeProgram(fine)).toBeUndefined();
    expect(judgeProgram({ ...fine, instructionsVerified: INSTRUCTIONS_MAX })).toBeUndefined();
  });

  test("is a failure when it takes more, or nobody counted", () => {
    expect(judgeProgram({ ...fine, instructionsVerified: INSTRUCTIONS_MAX + 1 })).toContain("250001");
    expect(judgeProgram({ ...fine, instructionsVerified: 0 })).toContain("did not say");
  });

  test("may be missing only when it is optional and says why", () => {
    const refused = { ...fine, loaded: false, instructionsVerified: 0, why: "unknown func bpf_new" };
    expect(judgeProgram(refused)).toBe("does not load: unknown func bpf_new");
    expect(judgeProgram({ ...refused, optional: true })).toBeUndefined();
    expect(judgeProgram({ ...refused, optional: true, why: "" })).toContain("nothing says why");
  });

  test("may not be missing because of what it is, like too large a stack", () => {
    const why = "Permission denied: combined stack size of 5 calls is 544. Too large";
    const refused = { ...fine, loaded: false, instructionsVerified: 0, why };
    expect(judgeProgram({ ...refused, optional: true })).toContain("stack size");
  });
});

describe("the test files of a kernel", () => {
  test("are there, and each is in one of its guests, which take alike many", () => {
    const all = chooseTests([]);
    expect(all.filter((file) => !existsSync(new URL(`../../../${file}`, import.meta.url)))).toEqual([]);
    const guests = splitTests(all);
    expect(guests.flat().sort()).toEqual([...all].sort());
    const sizes = guests.map((files) => files.length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });

  test("are all in one guest where few are asked for", () => {
    const few = chooseTests(["hold", "cut"]);
    expect(splitTests(few)).toEqual([few]);
  });
});

describe("a guest's first file system", () => {
  test("has each module after those it needs, and none that nobody wants", () => {
    const dependencies = "a/b.ko: a/c.ko a/d.ko\na/c.ko: a/d.ko\na/d.ko:\na/e.ko:\n";
    expect(inOrder(dependencies, ["b", "built_in"])).toEqual(["a/d.ko", "a/c.ko", "a/b.ko"]);
  });

  test("is an archive of aligned entries with a trailer", () => {
    const archive = Buffer.from(
      formatCpio([{ name: "init", mode: 0o100755, content: Buffer.from("abcde") }]),
    );
    expect(archive.length % 4).toBe(0);
    expect(archive.subarray(0, 6).toString()).toBe("070701");
    expect(archive.subarray(110, 115).toString()).toBe("init\0");
    expect(archive.subarray(116, 121).toString()).toBe("abcde");
    expect(archive.includes("TRAILER!!!")).toBe(true);
  });
});
