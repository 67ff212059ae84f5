import type { HostCapability } from "@ringwall/protocol/agent";
import type { Stage } from "../cast.ts";
import { forgeries, impostors, rightOnes, wrongServer } from "./attacking.ts";
import { clocksApart } from "./clocks.ts";
import { proveDatagrams } from "./datagrams.ts";
import { middlebox } from "./middlebox.ts";
import { provisionProving } from "./policy.ts";
import { ANSWERER, installProvers, ports, startServer } from "./programs.ts";
import { revokeAndEnrolAnew } from "./revoking.ts";
import { rotateUnderLoad } from "./rotating.ts";
import { keysAreKept } from "./secrets.ts";
import { behindNat, OUTSIDE, VIRTUAL } from "./translating.ts";

const STOP_MS_MAX = 5000;

/** Each end's kernel knows the other's software by its proof, whatever is tried instead of one (docs/proof.md). */
export async function proveSoftware(cast: Stage): Promise<void> {
  const { checks, lab } = cast;
  checks.phase("Proof: what a connection proves to the other end's kernel");
  installProvers(lab);
  await provisionProving(cast);
  const { preferred, second, required, byAddress, late, datagrams, datagramsRequired } = ports;
  const connections = [preferred, second, required, byAddress, late];
  const server = await startServer(lab, "db", ANSWERER, connections, [datagrams, datagramsRequired]);
  await rightOnes(cast);
  checks.phase("Proof: something on the way takes it out");
  await middlebox(cast);
  checks.phase("Proof: everything else at the right address");
  await impostors(cast);
  await forgeries(cast);
  await wrongServer(cast);
  checks.phase("Proof: clocks apart");
  await clocksApart(cast);
  checks.phase("Proof: datagrams, and a NAT between the hosts");
  for (const [name, address] of [
    ["app", OUTSIDE],
    ["db", VIRTUAL],
  ] as const)
    await cast.agents.restartOne(name, { args: ["--prove-datagrams", "--address", address] });
  const whyNot = whyNoDatagrams((await cast.agents.settled()).flatMap(({ agent }) => agent?.features ?? []));
  if (whyNot === undefined) await proveDatagrams(cast);
  else checks.skip("datagrams that prove their software", whyNot);
  await behindNat(cast);
  checks.phase("Proof: keys, turned, kept and revoked");
  await rotateUnderLoad(cast);
  await keysAreKept(cast);
  await revokeAndEnrolAnew(cast);
  await server.stop("SIGTERM", STOP_MS_MAX);
}

const DATAGRAM_FEATURES = ["prove-datagrams", "read-datagram-proofs"];

/** What a host lacks for proofs behind datagrams, in words. */
export function whyNoDatagrams(features: readonly HostCapability[]): string | undefined {
  const lacking = features.find(({ name, available }) => DATAGRAM_FEATURES.includes(name) && !available);
  return lacking && `${lacking.means} (${lacking.why})`;
}
