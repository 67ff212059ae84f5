import type { ProofEvent } from "../kernel/contract.ts";
import { EPOCH_SECONDS, epochOf, macOf } from "./option.ts";

/** Epochs in each direction in which a wrong proof is looked for: clocks up to a day apart are named. */
const EPOCHS_SEARCHED = 1350;

export type NamedFault = {
  readonly code:
    | "proof-clock"
    | "proof-key"
    | "proof-mac"
    | "proof-replay"
    | "proof-missing"
    | "proof-number";
  /** One sentence. */
  readonly message: string;
};

/**
 * What is wrong with a proof, in words. `keyOf` gives the key for the option's phases; with it a proof that is right for
 * another time is told from one that is made up. Pure.
 */
export function nameFault(
  event: ProofEvent,
  peer: string,
  keyOf: (phases: number) => Uint8Array | null,
): NamedFault {
  const what = event.isAnswer ? "the answer" : "a connection";
  switch (event.fault) {
    case "missing":
      return { code: "proof-missing", message: `${what} of \`${peer}\` came without a proof` };
    case "number":
      return {
        code: "proof-number",
        message: `${what} of \`${peer}\` proves a number that is not known here`,
      };
    case "key":
      return {
        code: "proof-key",
        message: `${what} of \`${peer}\` is proved with a key that is not known here`,
      };
    case "replay":
      return { code: "proof-replay", message: `${what} of \`${peer}\` has a proof that was used before` };
    case "epoch":
    case "mac": {
      const apart = epochsApart(event, keyOf(event.word >>> 30));
      if (apart === null)
        return { code: "proof-mac", message: `${what} of \`${peer}\` has a proof that is not its own` };
      const seconds = Math.abs(apart) * EPOCH_SECONDS;
      const way = apart > 0 ? "ahead of" : "behind";
      const message = `the clock of \`${peer}\` is about ${seconds} s ${way} this host's, so its proofs do not count`;
      return { code: "proof-clock", message };
    }
  }
}

/** How many epochs the sender is ahead; null where the MAC is right at no time. */
function epochsApart(event: ProofEvent, key: Uint8Array | null): number | null {
  if (key === null) return null;
  const packet = {
    source: event.source,
    destination: event.destination,
    sourcePort: event.sourcePort,
    destinationPort: event.destinationPort,
    sequence: event.sequence,
    acknowledgement: event.isAnswer ? event.acknowledgement : 0,
    kind: event.isAnswer ? "syn-ack" : "syn",
  } as const;
  const bits = (event.word >>> 28) & 3;
  for (let distance = 0; distance <= EPOCHS_SEARCHED; distance++)
    for (const apart of distance === 0 ? [0] : [distance, -distance]) {
      const epoch = event.epoch + apart;
      // Only those whose lowest bits are the option's.
      if (epochOf(bits, epoch) !== epoch) continue;
      if (Buffer.compare(macOf(event.word, packet, epoch, key), event.mac) === 0) return apart;
    }
  return null;
}
