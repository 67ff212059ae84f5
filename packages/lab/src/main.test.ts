import { spawnSync } from "node:child_process";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { acts } from "./story/story.ts";

const main = path.join(import.meta.dirname, "main.ts");

describe("the lab's command", () => {
  it("names the acts that can be played alone where another is asked for, and plays nothing", () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, "--only", "epilogue"], {
      encoding: "utf8",
    });
    expect(Object.keys(acts)).toEqual(["tiers", "containers", "proof"]);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(
      "no act `epilogue` that can be played alone; there are `tiers`, `containers`, `proof`",
    );
  });
});
