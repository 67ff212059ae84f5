import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { AgentService, HEARTBEAT_SECONDS, MESSAGE_BYTES_MAX } from "@ringwall/protocol/agent";
import { givenUp } from "../end.ts";
import { checkControllerIdentity } from "./controller-trust.ts";
import type { Credentials } from "./credentials.ts";

/** Milliseconds that one upload or enrolment may take. */
export const CALL_TIMEOUT_MS = 30_000;
/** Milliseconds of silence after which a subscription is taken for dead: two heartbeats and a little. */
export const SILENCE_MS_MAX = (2 * HEARTBEAT_SECONDS + 5) * 1000;

/** A connection to the controller. `close` ends every call on it. */
export type ControllerClient = {
  readonly service: Client<typeof AgentService>;
  readonly close: () => void;
};

/** Connects with the controller's CA and, once enrolled, this agent's own certificate. */
export function connectController(
  controller: string,
  trust: Pick<Credentials, "caCertificate"> & Partial<Pick<Credentials, "privateKey" | "certificateChain">>,
): ControllerClient {
  // No HTTP/2 pings: a session that one of them ends after its calls were given up throws where nobody catches
  // (connect-node 2.2), which would end the agent. A dead connection shows by its missing heartbeats and by call timeouts.
  const session = new Http2SessionManager(
    controller,
    {},
    {
      ca: trust.caCertificate,
      ...(trust.certificateChain === undefined
        ? {}
        : { cert: trust.certificateChain, key: trust.privateKey }),
      minVersion: "TLSv1.3",
      checkServerIdentity: checkControllerIdentity,
      settings: { initialWindowSize: 1 << 20 },
    },
  );
  const transport = createConnectTransport({
    baseUrl: controller,
    httpVersion: "2",
    sessionManager: session,
    acceptCompression: [],
    readMaxBytes: MESSAGE_BYTES_MAX,
    writeMaxBytes: MESSAGE_BYTES_MAX,
  });
  const close = () => {
    givenUp.removeEventListener("abort", close);
    session.abort();
  };
  givenUp.addEventListener("abort", close);
  return { service: createClient(AgentService, transport), close };
}
