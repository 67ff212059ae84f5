/**
 * What the proof behind datagrams costs a new UDP flow, both ends, as a ratio to no firewall.
 *
 *   scripts/node packages/agent/bench/proof-datagrams.ts [ROUNDS] [FLOWS]
 *
 * Client and server share a thread, and a wire between their namespaces. Each round measures without programs, with them,
 * with them and the proof, and without again; the two without are the A/A control. Figures are medians of the rounds' ratios.
 */
import { execFileSync } from "node:child_process";
import { cpus, release } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { takeNumbers } from "@ringwall/model/testing/arguments";
import type { PolicyEntry } from "../src/kernel/contract.ts";
import { remote } from "../src/kernel/generated/layout.ts";
import { TestHost } from "../src/kernel/testing/host.ts";
import { address, allow, deny, peer, subjects, UDP } from "../src/kernel/testing/policies.ts";
import { datagramCountsOf, newPair, stateOf, turnOn } from "../src/kernel/testing/proofs.ts";
import { LOADER_PATH } from "../src/kernel/testing/requirements.ts";
import { formatGoal } from "./goal.ts";
import { ask, median } from "./proof.ts";

const LOAD = fileURLToPath(new URL("../build/datagram-load", import.meta.url));
const IDENTITY = 7;
const NUMBER = 4711;
const ENDS = 3;
const CLIENT = "10.78.0.1";
const SERVER = "10.78.0.2";
const PROVE = "--prove-datagrams";
/** Datagrams of a flow: a question and its answer. */
const PROOFS = 2;

export interface DatagramProofCost {
  readonly rounds: number;
  readonly flows: number;
  /** With programs and proofs, to none. */
  readonly proved: number;
  /** With programs without proofs, to none. */
  readonly plain: number;
  readonly control: number;
  readonly nsWithout: number;
}

export async function measureDatagramProof(rounds: number, flows: number): Promise<DatagramProofCost> {
  const host = new TestHost("u");
  const away = `${host.name}s`;
  try {
    layWire(host, away);
    const load = [LOAD, netnsPath(away), SERVER];
    const bare = await host.start(load, IDENTITY);
    await ask(bare, flows);
    host.unload();
    const samples: { off: number; again: number; plain: number; proved: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const off = await ask(bare, flows);
      const plain = await measureWith(host, away, load, flows, false);
      const proved = await measureWith(host, away, load, flows, true);
      const again = await ask(bare, flows);
      samples.push({ off, again, plain, proved });
    }
    host.reload();
    const ratio = (of: (sample: (typeof samples)[0]) => number) => median(samples.map(of));
    return {
      rounds,
      flows,
      proved: ratio(({ off, again, proved }) => (2 * proved) / (off + again)),
      plain: ratio(({ off, again, plain }) => (2 * plain) / (off + again)),
      control: ratio(({ off, again }) => off / again),
      nsWithout: ratio(({ off }) => off),
    };
  } finally {
    await host.close();
    execFileSync("ip", ["netns", "delete", away]);
  }
}

const netnsPath = (name: string) => `/run/netns/${name}`;

/** From the host to a namespace that only the server's socket is in: no datagram is proved on the loopback. */
function layWire(host: TestHost, away: string): void {
  const ip = (...args: string[]) => execFileSync("ip", args);
  ip("netns", "add", away);
  const far = ["peer", "name", "wire0", "netns", away];
  ip("link", "add", "wire0", "netns", host.name, "type", "veth", ...far);
  for (const [name, own] of [
    [host.name, CLIENT],
    [away, SERVER],
  ] as const) {
    ip("-n", name, "addr", "add", `${own}/24`, "dev", "wire0");
    ip("-n", name, "link", "set", "wire0", "up");
  }
}

/** As `lowerHost` writes it for one rule between this software. */
function policies(): readonly PolicyEntry[] {
  const own = { subject: IDENTITY, peer: ENDS, proto: UDP } as const;
  return (["out", "in"] as const).flatMap((direction) => [
    allow({ ...own, direction }),
    allow({ ...own, direction, remote: remote.first }),
    allow({ ...own, direction, remote: remote.provisional }),
    deny({ ...own, direction, remote: remote.unknown }),
  ]);
}

async function measureWith(
  host: TestHost,
  away: string,
  load: readonly string[],
  flows: number,
  proofs: boolean,
): Promise<number> {
  host.reload();
  const how = proofs ? [PROVE] : [];
  host.attachDevices(...how);
  execFileSync(LOADER_PATH, ["devices", "--pin", host.pin, "--netns", netnsPath(away), ...how]);
  await host.provision({
    modeOut: "block",
    modeIn: "block",
    policies: policies(),
    peers: [peer(CLIENT, ENDS), peer(SERVER, ENDS)],
    subjects: subjects(IDENTITY),
    remotes: [{ number: NUMBER, remote: remote.first }],
  });
  if (proofs) {
    host.kernel.proof.setNumber(IDENTITY, NUMBER);
    const { toA } = newPair();
    for (const end of [CLIENT, SERVER])
      host.kernel.proof.setPeer(address(end), stateOf(toA, toA, "expected", { datagramPath: "expected" }));
    turnOn(host);
  }
  const running = await host.start(load, IDENTITY);
  const ns = await ask(running, flows);
  await running.stop();
  await check(host, flows, proofs);
  host.unload();
  return ns;
}

/**
 * Every flow left as an allowed one, and every datagram with a proof that was right. Ports come again: fewer come in; and what
 * the machine drops is sent again.
 */
async function check(host: TestHost, flows: number, proofs: boolean): Promise<void> {
  const counts = datagramCountsOf(host);
  const made = proofs ? PROOFS * flows : 0;
  if (
    counts.sent < made ||
    proofs !== counts.sent > 0 ||
    counts.wrong > 0 ||
    counts.missing > 0 ||
    proofs !== counts.proved > flows
  )
    throw new Error(`not ${made} proofs that were right: ${JSON.stringify(counts)}`);
  const allowed = (await host.flows())
    .filter((flow) => flow.direction === "out" && flow.verdict === "allowed")
    .reduce((sum, flow) => sum + flow.count, 0n);
  if (allowed < BigInt(flows)) throw new Error(`${allowed} flows, not ${flows}`);
}

export function formatDatagramProofCost(cost: DatagramProofCost): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}`;
  return [
    `new UDP flow, question and answer, both ends, 2 proofs made and 2 checked · ${cost.rounds} × ${cost.flows}`,
    formatGoal("new UDP flow with the proof behind its datagrams", cost.proved, 1.1, ""),
    `  with the proof ${cost.proved.toFixed(3)}, programs without it ${cost.plain.toFixed(3)}, A/A ${cost.control.toFixed(3)}; ` +
      `without any ${cost.nsWithout} ns`,
    `  ${machine}`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { rounds, flows } = takeNumbers(process, { rounds: 7, flows: 5_000 });
  console.log(formatDatagramProofCost(await measureDatagramProof(rounds, flows)));
}
