import { verify, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { fail, ok, type Result } from "@ringwall/model";
import {
  DRILL_CONTEXT,
  DRILL_SECONDS_MAX,
  type DrillOrder,
  DrillRole,
  type DrillTerms,
  DrillTermsSchema,
} from "@ringwall/protocol/agent";

/** Milliseconds between the controller's clock and ours within which an order is new. */
export const ORDER_AGE_MS_MAX = 300_000;
/** Bytes of an order's terms; more is none of ours. */
export const TERMS_BYTES_MAX = 2_048;

export type OrderContext = {
  /** Of the authority that this agent was enrolled under. */
  readonly caCertificate: string;
  readonly workload: string;
  /** The newest run and role that was ever taken: an order is good for one time. */
  readonly last: { readonly run: bigint; readonly roles: readonly DrillRole[] };
  readonly nowMs: number;
};

/** The terms of an order that the controller's authority has signed for this host, now, and for the first time. Pure. */
export function acceptOrder(order: DrillOrder, context: OrderContext): Result<DrillTerms, string> {
  if (order.terms.length > TERMS_BYTES_MAX) return fail("the order is too long");
  if (!isSigned(order, context.caCertificate))
    return fail("the order is not signed by the controller's authority");
  let terms: DrillTerms;
  try {
    terms = fromBinary(DrillTermsSchema, order.terms);
  } catch {
    return fail("the order can't be read");
  }
  const { workload, last, nowMs } = context;
  if (terms.workload !== workload) return fail(`the order is for \`${terms.workload}\``);
  const again = terms.run === last.run && last.roles.includes(terms.role);
  if (terms.run < last.run || again) return fail(`run ${terms.run} was taken before: orders are good once`);
  if (Math.abs(Number(terms.issuedMs) - nowMs) > ORDER_AGE_MS_MAX)
    return fail("the order is not of now: the clocks differ, or it is an old one");
  return isSound(terms) ? ok(terms) : fail("the order's terms make no sense");
}

function isSigned({ terms, signature }: DrillOrder, caCertificate: string): boolean {
  const { publicKey } = new X509Certificate(caCertificate);
  const data = Buffer.concat([Buffer.from(DRILL_CONTEXT), terms]);
  return verify("sha256", data, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature);
}

function isSound({ role, seconds, peerAddress, ownAddress, senderPort, receiverPort }: DrillTerms): boolean {
  if (isIP(peerAddress) === 0 || isIP(ownAddress) !== isIP(peerAddress)) return false;
  if (peerAddress === ownAddress || seconds < 1 || seconds > DRILL_SECONDS_MAX) return false;
  if (role === DrillRole.SINK || role === DrillRole.STOP) return senderPort === 0 && receiverPort === 0;
  return (
    role === DrillRole.SENDER && isFreePort(senderPort) && (receiverPort === 0 || isFreePort(receiverPort))
  );
}

/** The sink's ports are of those that the kernel gives out: no service that somebody runs. */
function isFreePort(port: number): boolean {
  return Number.isInteger(port) && port >= 1024 && port <= 65_535;
}
