import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { workloadView } from "@ringwall/protocol/rest";
import { seenBy } from "../attacks/attack.ts";
import type { LabHost } from "../hosts/host.ts";
import { ringwall } from "../ringwall/command.ts";
import { onThisMachine } from "../slowness.ts";
import type { Scene } from "./cast.ts";

const REPOSITORY = path.join(import.meta.dirname, "../apps/programs/repository.sh");
const INSIDE = "/srv/repository.sh";
const PROGRAM = "/srv/shop/shop";
const PORT = "8089";
const APT_MS_MAX = 60_000;
const SETTLE_MS_MAX = onThisMachine(60_000);
const POLL_MS = 300;
const STOP_MS_MAX = 5000;

/** A package from a signed repository is upgraded while its host enforces a policy that names the old digest. */
export async function upgradeInMidRun(cast: Scene, host: LabHost, name: string): Promise<void> {
  const { checks, operator, lab } = cast;
  checks.phase("A package is upgraded in mid-run, from a signed repository");
  host.copyIn(REPOSITORY, INSIDE);
  const hook = ringwall("setup.service", ["agent", "package-hook", "install", "--state", "/srv/agent"]);
  await host.must(hook.argv);
  await apt(host, "begin");
  await apt(host, "publish", "1.0");
  await apt(host, "install", "1.0");
  const server = host.start({
    unit: "shop-server.service",
    argv: ["python3", "/srv/carried-server.py", PORT],
  });
  try {
    lab.host("controller").writeFile("/srv/shop.yaml", policyFor(digestOf(host)));
    await operator.type("apply", "/srv/shop.yaml");
    await operator.type("provision", "--note", "the shop");
    await operator.type("confirm");
    await settled(cast, name);
    await tryShop(cast, host, "the package's program, as installed", "gets through");
    await apt(host, "publish", "2.0");
    await apt(host, "install", "2.0");
    await tryShop(cast, host, "the same after its signed upgrade, under the same policy", "gets through");
    host.writeFile(PROGRAM, `${readFileSync(host.file(PROGRAM), "utf8")}# by hand\n`, 0o755);
    await sleep(POLL_MS);
    await tryShop(cast, host, "the same, changed by hand", "blocked");
    await untilShown(cast);
  } finally {
    await server.stop("SIGTERM", STOP_MS_MAX);
  }
}

async function apt(host: LabHost, ...words: string[]): Promise<void> {
  const ended = await host.run({ unit: "setup.service", argv: ["sh", INSIDE, ...words] }, APT_MS_MAX);
  if (ended.code !== 0) throw new Error(`repository.sh ${words.join(" ")}: ${ended.stderr.trim()}`);
}

function digestOf(host: LabHost): string {
  return createHash("sha256")
    .update(readFileSync(host.file(PROGRAM)))
    .digest("hex");
}

async function tryShop({ checks }: Scene, host: LabHost, tried: string, expected: string): Promise<void> {
  const { reached, detail } = seenBy(
    await host.run({ unit: "shop.service", argv: [PROGRAM, "127.0.0.1", PORT] }),
  );
  const seen = reached ? "gets through" : "blocked";
  checks.add({ tried, expected, seen: `${seen}: ${detail}`, passed: seen === expected });
}

/** The controller tells what changed; that the program behaves as before is its own sentence. */
async function untilShown({ checks, operator }: Scene): Promise<void> {
  const deadline = Date.now() + SETTLE_MS_MAX;
  let text = "";
  while (!text.includes(PROGRAM) && Date.now() < deadline) {
    text = await operator.type("get", "upgrades");
    await sleep(POLL_MS);
  }
  checks.add({
    tried: "ringwall get upgrades",
    expected: "the program, on probation",
    seen: text.includes(PROGRAM) ? "shown" : "not shown",
    passed: text.includes(PROGRAM) && text.includes("on probation"),
  });
}

async function settled({ operator }: Scene, name: string): Promise<void> {
  const deadline = Date.now() + SETTLE_MS_MAX;
  for (;;) {
    const workloads = await operator.ask(workloadView, "get", "workloads");
    const agent = workloads.find((one) => one.name === name)?.agent;
    if (agent?.generation !== undefined && agent.generation === agent.generationWanted) return;
    if (Date.now() > deadline)
      throw new Error(`\`${name}\` does not take its policy: ${JSON.stringify(agent)}`);
    await sleep(POLL_MS);
  }
}

function policyFor(sha256: string): string {
  return `apiVersion: ringwall.dev/v1
kind: Software
metadata: { name: shop }
spec:
  anyOf: [{ script: { path: ${PROGRAM}, sha256: ["${sha256}"] } }]
  upgrades: signed
---
apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: edge }
spec:
  workloads: { app: edge }
  modes: { inbound: observe, outbound: block, processes: observe }
  loopback: enforce
---
apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: edge }
spec:
  rules:
    - name: the shop reaches its server
      allow: { from: { segment: edge, software: shop }, to: { segment: edge }, ports: [tcp/${PORT}] }
`;
}
