import { existsSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Process } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installAptHook } from "./evidence/apt-hook.ts";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { AptRepository, type PackagedFile } from "./testing/apt-repository.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";
import { PROGRAMS } from "./testing/interpreter-programs.ts";

const PYTHON = realpathSync("/usr/bin/python3");

function whyNot(): string | undefined {
  const why = whyNoKernelTests("upgrades.test.ts");
  if (why !== undefined) return why;
  const missing = ["apt-get", "dpkg-deb", "gpg", "gpgv"].filter((name) => !existsSync(`/usr/bin/${name}`));
  if (missing.length === 0) return undefined;
  process.stderr.write(`SKIPPED upgrades.test.ts: not installed: ${missing.join(", ")}\n`);
  return missing.join(", ");
}

describe.skipIf(whyNot() !== undefined)("upgrades of packages from a signed repository", () => {
  let host: AgentHost;
  let repository: AptRepository;
  let script: string;
  let binary: string;
  let generation = 0n;

  const files = (mark: string): Record<string, PackagedFile> => ({
    [script]: { text: `#!/usr/bin/python3\n${PROGRAMS.python}# ${mark}\n` },
    [binary]: { copyOf: PYTHON, append: mark },
  });
  const runScript = async () => (await host.run([script], { RW_PORT: String(host.port) })).output.trim();
  const runBinary = async () => {
    const argv = [binary, "-c", PROGRAMS.python];
    return (await host.run(argv, { RW_PORT: String(host.port) })).output.trim();
  };
  async function until(what: () => boolean): Promise<void> {
    for (let i = 0; i < 3000 && !what(); i++) await sleep(20);
    if (!what()) throw new Error(`never came true: ${what}\n${host.log}`);
  }
  const reports = (): Process[] =>
    host.controller.execs.flatMap((batch) =>
      batch.execs.flatMap(({ process: who }) => (who === undefined ? [] : [who])),
    );

  /** Software that names today's digests, and what becomes of it when they change. */
  async function allowPresent(upgrades?: "signed"): Promise<void> {
    const more = upgrades === undefined ? {} : { upgrades };
    const { rules, software: _none, ...policy } = allowSoftware("shop", {});
    const entries = [
      { executable: { sha256: [sha256Of(PYTHON)] }, script: { sha256: [sha256Of(script)] }, ...more },
      { executable: { sha256: [sha256Of(binary)] }, unattributable: ["inline" as const], ...more },
    ];
    host.provision(
      ++generation,
      hostPolicyOf({ ...policy, rules: rules ?? [], software: { shop: entries } }),
    );
    await until(() => host.status?.generation === generation);
  }

  beforeAll(async () => {
    host = await AgentHost.start();
    repository = new AptRepository(host.folder);
    script = join(host.folder, "opt/shop/shop");
    binary = join(host.folder, "opt/shop/bin/shopd");
    await installAptHook(host.stateDir, repository.confFolder);
    const { aptConfig, dpkgDir } = repository;
    expect(await host.startAgent({ aptConfig, dpkgDir })).toEqual("ready");
    await until(() => host.controller.subscriptions.length > 0);
    repository.publish("shop", "1.0", files("one"));
    repository.install("shop=1.0");
  });
  afterAll(async () => {
    repository.close();
    await host.close();
  });

  test("what apt installs from a signed index has the evidence deb-repo", async () => {
    await allowPresent("signed");
    expect([await runScript(), await runBinary()]).toEqual(["connected", "connected"]);
    await until(() => reports().some((who) => who.exe === binary));
    expect(reports().find((who) => who.exe === binary)).toMatchObject({
      package: "shop",
      evidence: "deb-repo",
      exeSha256: sha256Of(binary),
    });
  });

  test("a signed upgrade keeps its Software, executable and script, without a new policy", async () => {
    const before = [sha256Of(script), sha256Of(binary)];
    repository.publish("shop", "2.0", files("two"));
    repository.install("shop=2.0");
    expect([sha256Of(script), sha256Of(binary)]).not.toEqual(before);
    expect([await runScript(), await runBinary()]).toEqual(["connected", "connected"]);
    expect(host.status?.generation).toBe(generation);
  });

  test("Software that does not follow upgrades stays with its digests", async () => {
    await allowPresent();
    expect([await runScript(), await runBinary()]).toEqual(["connected", "connected"]);
    repository.publish("shop", "3.0", files("three"));
    repository.install("shop=3.0");
    expect([await runScript(), await runBinary()]).toEqual(["refused", "refused"]);
  });

  test("a package that is in no signed index, and a file changed by hand, are other software", async () => {
    await allowPresent("signed");
    expect([await runScript(), await runBinary()]).toEqual(["connected", "connected"]);
    const unsigned = repository.build("shop", "4.0", files("four"), host.folder);
    repository.install(unsigned);
    expect([await runScript(), await runBinary()]).toEqual(["refused", "refused"]);
    await until(() => reports().some((who) => who.exeSha256 === sha256Of(binary)));
    expect(reports().find((who) => who.exeSha256 === sha256Of(binary))).toMatchObject({
      package: "shop",
      evidence: "manifest-only",
    });
    writeFileSync(script, `#!/usr/bin/python3\n${PROGRAMS.python}# by hand\n`);
    await sleep(30);
    expect(await runScript()).toBe("refused");
  });
});
