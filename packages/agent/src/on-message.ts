import type { ControllerMessage } from "@ringwall/protocol/agent";
import type { Logger } from "pino";
import type { Governor } from "./apply/governor.ts";
import type { Shadow } from "./apply/shadow.ts";
import type { Driller } from "./drill/driller.ts";
import type { PauseWatch } from "./pause/pause-watch.ts";
import type { Prover } from "./proof/prover.ts";

export type Listeners = {
  readonly governor: Governor;
  readonly shadow: Shadow;
  readonly prover: Prover | null;
  readonly driller: Driller;
  /** Null where the host that carries the workload decides. */
  readonly pause: PauseWatch | null;
  readonly log: Logger;
};

export async function onMessage(
  message: ControllerMessage["message"],
  { governor, shadow, prover, driller, pause, log }: Listeners,
): Promise<void> {
  switch (message.case) {
    case "policy": {
      const { generation, hostPolicy, digest, confirmWithinSeconds } = message.value;
      await prover?.ready();
      const result = await governor.offer({ generation, bytes: hostPolicy, digest, confirmWithinSeconds });
      if (!result.ok) for (const { message: text, fix } of result.error) log.warn(`${text}; ${fix}`);
      return;
    }
    case "confirm":
      await governor.confirm(message.value.generation);
      return;
    case "shadowStart": {
      const { run, hostPolicy, digest, secondsLeft } = message.value;
      return shadow.offer({ run, bytes: hostPolicy, digest, secondsLeft });
    }
    case "drill":
      return driller.take(message.value);
    case "shadowStop":
      return shadow.end(message.value.run);
    case "pause":
      return pause?.order(message.value.seconds);
    case "heartbeat":
      prover?.heard(message.value.timeMs);
      return;
    case "proof":
      prover
        ?.fetch()
        .catch((error: unknown) => log.warn({ err: error }, "what peers prove could not be fetched"));
      return;
    case undefined:
      // An unknown message is a newer controller's: what it means can't matter to this agent.
      return;
  }
}
