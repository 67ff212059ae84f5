import { expect, test } from "vitest";
import { whyNoKernelTests } from "../src/kernel/testing/requirements.ts";
import { measureIdentify } from "./identify.ts";

test.skipIf(whyNoKernelTests("identify.test.ts") !== undefined)(
  "every exec of every kind is answered",
  async () => {
    const times = await measureIdentify(3);
    expect(times.map(({ what, execs }) => [what, execs])).toEqual([
      ["known", 3],
      ["new script", 3],
      ["new executable", 3],
    ]);
  },
);
