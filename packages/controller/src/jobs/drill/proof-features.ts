import type { Proofs } from "../../proof/proofs-parts.ts";

/** What two hosts prove to each other: `proof` (TCP), `datagram-proof`. None where it does not arrive on the way. */
export function proofFeatures(
  proofs: Pick<Proofs, "keysOf" | "paths">,
  source: string,
  destination: string,
): readonly string[] {
  const [from, to] = [proofs.keysOf(source), proofs.keysOf(destination)];
  if (from === null || to === null || from.keys.length === 0 || to.keys.length === 0) return [];
  const stripped = proofs
    .paths()
    .filter((one) => one.source === source && one.destination === destination && one.state === "stripped");
  const datagrams = from.datagrams && to.datagrams && !stripped.some((one) => one.datagrams);
  return [
    ...(stripped.some((one) => !one.datagrams) ? [] : ["proof"]),
    ...(datagrams ? ["datagram-proof"] : []),
  ];
}
