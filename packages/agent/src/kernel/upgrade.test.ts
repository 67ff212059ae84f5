/** Another object takes the place of the one that is loaded: an agent that was upgraded has to know its maps again. */
import { appendFileSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { readMapsName } from "../state/clocks.ts";
import { TestHost } from "./testing/host.ts";
import { OBJECT_PATH, whyNoKernelTests } from "./testing/requirements.ts";

describe.skipIf(whyNoKernelTests("upgrade.test.ts"))("an upgrade of the kernel programs", () => {
  test("keeps the name of the maps it takes over, so that the agent's journal still fits them", async () => {
    const host = new TestHost("a");
    const folder = mkdtempSync(`${tmpdir()}/ringwall-object-`);
    try {
      const other = `${folder}/ringwall.bpf.o`;
      copyFileSync(OBJECT_PATH, other);
      appendFileSync(other, "\0");
      const before = await readMapsName(host.pin);
      host.load(other);
      expect(await readMapsName(host.pin)).toBe(before);
    } finally {
      rmSync(folder, { recursive: true });
      host.close();
    }
  });
});
