import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExecEvent } from "./contract.ts";
import { TestHost } from "./testing/host.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

describe.skipIf(whyNoKernelTests("exec-environment.test.ts") !== undefined)(
  "what the kernel says of an exec",
  () => {
    let host: TestHost;
    beforeAll(() => {
      host = new TestHost("env");
    });
    afterAll(() => host.close());

    async function execOf(argv: readonly string[]): Promise<ExecEvent> {
      host.events.length = 0;
      await host.run(argv);
      for (let tries = 0; tries < 1500; tries++) {
        const found = host.events.find((event) => event.type === "exec" && event.arguments[0] === "true");
        if (found?.type === "exec") return found;
        await sleep(20);
      }
      throw new Error(`no exec of ${argv.join(" ")}`);
    }
    const runTrue = (...variables: string[]) => [
      "env",
      "-i",
      ...variables,
      "bash",
      "-c",
      "cd /var; exec -a true /bin/true",
    ];

    test("an executable that is known is not pending, until its environment may bring foreign code", async () => {
      const { file } = await execOf(runTrue());
      host.kernel.setExecutable(file, 77, false);
      const alike = ["LDX=2", "XLD_PRELOAD=3", "OPENBLAS_NUM_THREADS=4", "GLIBC=5", "GCONV=6", "OPENSHIFT=7"];
      expect((await execOf(runTrue("A=1", ...alike))).task).toMatchObject({ exeId: 77, pending: false });
      for (const variable of [
        "LD_PRELOAD=/none.so",
        "LD_AUDIT=",
        "GLIBC_TUNABLES=x",
        "GCONV_PATH=/x",
        "OPENSSL_CONF=/x",
      ]) {
        expect((await execOf(runTrue("A=1", variable))).task).toMatchObject({ exeId: 77, pending: true });
      }
      const long = `B=${"x".repeat(100_000)}`;
      expect((await execOf(runTrue(long, "LD_PRELOAD=/none.so"))).task.pending).toBe(true);
      expect((await execOf(runTrue(long))).task.pending).toBe(false);
      const many = Array.from({ length: 300 }, (_, i) => `V${i}=1`);
      expect((await execOf(runTrue(...many))).task.pending).toBe(true);
    });

    test("the working directory is the one at the exec", async () => {
      expect((await execOf(runTrue())).cwdInode).toBe(statSync("/var", { bigint: true }).ino);
    });
  },
);
