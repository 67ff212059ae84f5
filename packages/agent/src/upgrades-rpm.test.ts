import { existsSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";
import { PROGRAMS } from "./testing/interpreter-programs.ts";
import { RPM_TOOLS, RpmDatabase } from "./testing/rpm-database.ts";

const PYTHON = realpathSync("/usr/bin/python3");

function whyNot(): string | undefined {
  const why = whyNoKernelTests("upgrades-rpm.test.ts");
  if (why !== undefined) return why;
  const missing = RPM_TOOLS.filter((file) => !existsSync(file));
  if (missing.length === 0) return undefined;
  process.stderr.write(`SKIPPED upgrades-rpm.test.ts: not installed: ${missing.join(", ")}\n`);
  return missing.join(", ");
}

describe.skipIf(whyNot() !== undefined)("upgrades of signed rpms", () => {
  let host: AgentHost;
  let database: RpmDatabase;
  let script: string;

  const text = (mark: string) => `#!/usr/bin/python3\n${PROGRAMS.python}# ${mark}\n`;
  const install = (version: string, signer: string | null = "good") =>
    database.install(database.build("shop", version, { [script]: { text: text(version) } }, signer));
  const run = async () => (await host.run([script], { RW_PORT: String(host.port) })).output.trim();
  async function until(what: () => boolean): Promise<void> {
    for (let i = 0; i < 3000 && !what(); i++) await sleep(20);
    if (!what()) throw new Error(`never came true: ${what}\n${host.log}`);
  }

  beforeAll(async () => {
    host = await AgentHost.start();
    database = new RpmDatabase(host.folder);
    script = join(host.folder, "opt/shop/shop");
    expect(await host.startAgent({ rpmDb: database.path })).toEqual("ready");
    await until(() => host.controller.subscriptions.length > 0);
    install("1.0");
  });
  afterAll(async () => {
    database.close();
    await host.close();
  });

  test("keep their Software on rpm's evidence; an unsigned one, and a file changed by hand, do not", async () => {
    const entry = {
      executable: { sha256: [sha256Of(PYTHON)] },
      script: { sha256: [sha256Of(script)] },
      upgrades: "signed" as const,
    };
    host.provision(1n, hostPolicyOf(allowSoftware("shop", entry)));
    await until(() => host.status?.generation === 1n);
    expect(await run()).toBe("connected");

    const before = sha256Of(script);
    install("2.0");
    expect(sha256Of(script)).not.toBe(before);
    expect(await run()).toBe("connected");
    expect(host.status?.generation).toBe(1n);

    writeFileSync(script, text("by hand"));
    await sleep(30);
    expect(await run()).toBe("refused");
    install("3.0", null);
    expect(await run()).toBe("refused");
    install("4.0", "stranger");
    expect(await run()).toBe("refused");
    install("5.0");
    expect(await run()).toBe("connected");
  });
});
