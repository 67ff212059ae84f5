/** Events that go round the end of the ring arrive whole, and all that were read before the reader is closed. */
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { execsTold } from "./testing/events-told.ts";
import { TestHost } from "./testing/host.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const why = whyNoKernelTests("ring.test.ts");
/** With 16 KiB of environment each, more than the ring's 4 MiB. */
const STARTS = 400;
const LOOP = `big=$(head -c 15000 /dev/zero | tr '\\0' x)
for i in $(seq 1 ${STARTS}); do MARK=$i BIG=$big LAST=$i /bin/true; done`;

describe.skipIf(why !== undefined)("the ring", () => {
  let host: TestHost;
  beforeAll(() => {
    host = new TestHost("g");
  });
  afterAll(() => host.close());

  test("delivers more than it holds, in order and unbroken", async () => {
    expect((await host.run(["/bin/bash", "-c", LOOP])).code).toBe(0);
    const started = (await execsTold(host)).filter(({ filename }) => filename === "/bin/true");
    const marks = started.map(({ environment }) =>
      environment.filter((entry) => /^(?:MARK|LAST)=\d+$|^BIG=x{15000}$/.test(entry)).sort(),
    );
    expect(host.kernel.counters().ringFull).toBe(0n);
    const big = `BIG=${"x".repeat(15000)}`;
    expect(marks).toEqual(Array.from({ length: STARTS }, (_, i) => [big, `LAST=${i + 1}`, `MARK=${i + 1}`]));
  });

  test("hands over what was read when it is closed, while the maps are open, and nothing later", async () => {
    const before = host.events.length;
    // This process looks at no event meanwhile.
    const script = `echo $$ > "$0/cgroup.procs"; for i in $(seq 20); do RW_IDENTITY=7 /bin/true; sleep 0.01; done`;
    execFileSync("/bin/bash", ["-c", script, host.cgroup]);
    expect(host.events.length).toBe(before);
    host.reopen();
    const handed = host.events.length;
    const starts = host.events
      .slice(before)
      .filter((event) => event.type === "exec" && event.filename === "/bin/true");
    expect(starts).toHaveLength(20);
    await sleep(200);
    expect(host.events.length).toBe(handed);
  });
});
