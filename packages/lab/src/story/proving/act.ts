import type { Stage } from "../cast.ts";
import { forgeries, impostors, rightOnes, wrongServer } from "./attacking.ts";
import { clocksApart } from "./clocks.ts";
import { middlebox } from "./middlebox.ts";
import { provisionProving } from "./policy.ts";
import { ANSWERER, installProvers, ports, startServer } from "./programs.ts";
import { revokeAndEnrolAnew } from "./revoking.ts";
import { rotateUnderLoad } from "./rotating.ts";
import { keysAreKept } from "./secrets.ts";

const STOP_MS_MAX = 5000;

/** Each end's kernel knows the other's software by its proof, whatever is tried instead of one (docs/proof.md). */
export async function proveSoftware(cast: Stage): Promise<void> {
  const { checks, lab } = cast;
  checks.phase("Proof: what a connection proves to the other end's kernel");
  installProvers(lab);
  await provisionProving(cast);
  const { preferred, second, required, byAddress, late } = ports;
  const server = await startServer(lab, "db", ANSWERER, [preferred, second, required, byAddress, late]);
  await rightOnes(cast);
  checks.phase("Proof: something on the way takes it out");
  await middlebox(cast);
  checks.phase("Proof: everything else at the right address");
  await impostors(cast);
  await forgeries(cast);
  await wrongServer(cast);
  checks.phase("Proof: clocks apart");
  await clocksApart(cast);
  checks.phase("Proof: keys, turned, kept and revoked");
  await rotateUnderLoad(cast);
  await keysAreKept(cast);
  await revokeAndEnrolAnew(cast);
  await server.stop("SIGTERM", STOP_MS_MAX);
}
