import { API_VERSION, type Resource } from "@ringwall/model";
import { expect, it } from "vitest";
import { parseDraft } from "./draft.ts";
import { newFiles, updatedFiles } from "./learned-files.ts";
import { createAsker } from "./worker/ask.ts";

const workload = (name: string): Resource => ({
  apiVersion: API_VERSION,
  kind: "Workload",
  metadata: { name },
  spec: { addresses: ["192.0.2.1"], management: "none" },
});

it("the thread that learns writes the draft too, with what people wrote in it", async () => {
  const kept = [workload("printer")];
  const options = { tightness: 0.5, seed: 1, essential: [], execs: [], rejected: [] };
  const found = await createAsker()({ kind: "learn", seen: [], inventory: [], options, kept });
  expect(found.resources).toEqual(kept);
  expect(found.files).toEqual(newFiles(kept, found.report));
  const parsed = parseDraft(found.files);
  expect(parsed.ok && parsed.value).toEqual(kept);
});

it("nothing learned and nothing kept is a draft without files", async () => {
  const options = { tightness: 0.5, seed: 1, essential: [], execs: [], rejected: [] };
  const found = await createAsker()({ kind: "learn", seen: [], inventory: [], options, kept: [] });
  expect(found.files).toEqual([]);
});

it("the thread that looks what a draft lacks leaves its files alone, and what is added gets another", async () => {
  const options = { tightness: 0.5, seed: 1, essential: [], execs: [], rejected: [] };
  const files = [{ file: "learned-1.yaml", text: "# mine\n" }];
  const world = { resources: [], workloads: [] };
  const found = await createAsker()({ kind: "update", seen: [], world, options, files });
  expect(found?.files).toEqual(files);
  const added = [workload("printer")];
  const names = found === null ? [] : updatedFiles(files, { ...found, added }).map(({ file }) => file);
  expect(names).toEqual(["learned-1.yaml", "learned-2.yaml"]);
});
