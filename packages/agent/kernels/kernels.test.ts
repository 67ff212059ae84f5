/** The parts of the guests' set-up that need no guest, and a check that can fail. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { INSTRUCTIONS_MAX, judgeProgram } from "./check-loads.ts";
import { chooseWork } from "./choose-work.ts";
import { formatCpio, inOrder } from "./initramfs.ts";
import { LAB_ACTS, LAB_ACTS_UNNAMED, readLab } from "./kernel-lab.ts";
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

describe("the work of the guests", () => {
  const nothing = { loads: false, lab: false, only: [] };

  test("is what is played unasked, and all tests, where nothing is asked for", () => {
    expect(chooseWork(nothing)).toEqual({ loads: true, tests: chooseTests([]), acts: LAB_ACTS_UNNAMED });
  });

  test("is only what is asked for", () => {
    expect(chooseWork({ ...nothing, loads: true })).toEqual({ loads: true, tests: [], acts: [] });
    expect(chooseWork({ ...nothing, lab: true })).toEqual({
      loads: false,
      tests: [],
      acts: LAB_ACTS_UNNAMED,
    });
    expect(chooseWork({ ...nothing, lab: true, only: ["proof"] }).acts).toEqual(["proof"]);
    expect(chooseWork({ ...nothing, only: ["hold"] })).toEqual({
      loads: false,
      tests: chooseTests(["hold"]),
      acts: [],
    });
  });

  test("is refused where nothing would be left of it", () => {
    expect(() => chooseWork({ ...nothing, lab: true, only: ["soak"] })).toThrow("no act `soak`");
    expect(() => chooseWork({ ...nothing, only: ["soak"] })).toThrow("no test file");
    expect(() => chooseWork({ ...nothing, loads: true, lab: true })).toThrow("leave out `--lab`");
  });
});

describe("the lab in a guest", () => {
  const ended = { code: 0, timedOut: false, console: "" };
  const inFolder = (work: (folder: string) => void) => {
    const folder = mkdtempSync(path.join(tmpdir(), "ringwall-kernel-lab-"));
    try {
      work(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  test("knows every act that the lab has", () => {
    const lab = fileURLToPath(new URL("../../lab/src/main.ts", import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [lab, "--only", "none"], { encoding: "utf8" });
    expect(status).toBe(2);
    expect(stderr).toContain(`there are \`${LAB_ACTS.join("`, `")}\``);
  });

  test("counts what its record counts", () => {
    const check = { phase: "p", tried: "t", from: "", to: "", expected: "e", seen: "s", passed: false };
    const skipped = [{ phase: "p", tried: "t", why: "w" }];
    inFolder((folder) => {
      const record = { passed: 7, failed: 1, checks: [check], skipped };
      writeFileSync(path.join(folder, "lab.json"), JSON.stringify(record));
      expect(readLab(ended, folder)).toEqual({ passed: 7, failed: 1, skipped: 1 });
    });
  });

  test("is skipped where it says that it can't run", () => {
    inFolder((folder) => {
      writeFileSync(path.join(folder, "lab.log"), "lab: skipped: missing packages: nginx-light\n");
      expect(readLab(ended, folder)).toEqual({ passed: 0, failed: 0, skipped: 1 });
    });
  });

  test("is a failure where it leaves no record", () => {
    inFolder((folder) => {
      expect(readLab(ended, folder)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    });
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
