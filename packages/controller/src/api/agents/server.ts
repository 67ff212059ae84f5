import { constants } from "node:crypto";
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { createContextValues } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { MESSAGE_BYTES_MAX } from "@ringwall/protocol/agent";
import { explainListenError, type ListenAddress } from "../listen.ts";
import { peerKey, peerOf, peerOfRequest } from "./peer.ts";
import { agentRoutes } from "./routes.ts";
import type { AgentServices } from "./services.ts";
import { limitStrangers, type StrangerLimits } from "./strangers.ts";

/** Of one connection: a subscription, reports, a renewal. */
const STREAMS_PER_CONNECTION_MAX = 32;
/** 10,000 agents with one connection each, and as many again while they reconnect. */
const CONNECTIONS_MAX = 20_000;
/** Of these, connections in their handshake: nearly all agents come at once when the controller was away. */
const ARRIVING_MAX = 9_000;
/** Of these, callers without a certificate of ours: hosts that enrol, of which 256 may wait for their turn. */
const STRANGERS_MAX = 1_000;
/** Heartbeats and reports come every 15 s; also where all messages go one way, they keep a connection. */
const IDLE_MS_MAX = 60_000;
/** A flow batch goes through without waiting for window updates. */
const WINDOW_BYTES = 1024 * 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** An agent that does not end its side when the server ends, because it hangs or its host is gone, is not waited for longer. */
const CLOSE_MS_MAX = 1000;
/** Of a caller without a certificate of ours: an enrolment is a few KiB. */
const STRANGER_MESSAGE_BYTES_MAX = 64 * 1024;

/** Connections at once, those of strangers among them, and how long one is kept on which nothing goes either way. */
export type ConnectionLimits = StrangerLimits & { readonly connections: number; readonly idleMs: number };
export type ServerCertificate = { readonly certificatePem: string; readonly keyPem: string };
export type AgentsServer = {
  readonly port: number;
  /** Certificates rotate without dropping streams. */
  replaceCertificate(certificate: ServerCertificate): void;
  close(): Promise<void>;
};

const LIMITS: ConnectionLimits = {
  connections: CONNECTIONS_MAX,
  arriving: ARRIVING_MAX,
  strangers: STRANGERS_MAX,
  idleMs: IDLE_MS_MAX,
};

/** The agents' API: Connect RPC over HTTP/2 with TLS 1.3; client certificates are asked for, and demanded by each call. */
export async function serveAgents(options: {
  readonly listen: ListenAddress;
  readonly caPem: string;
  readonly certificate: ServerCertificate;
  readonly services: AgentServices;
  readonly onError: (error: Error) => void;
  readonly limits?: ConnectionLimits;
}): Promise<AgentsServer> {
  const context = ({ certificatePem, keyPem }: ServerCertificate) => ({
    // With the CA's certificate, so that an agent that enrols finds the fingerprint of its token.
    cert: certificatePem + options.caPem,
    key: keyPem,
    ca: options.caPem,
  });
  const adapter = (readMaxBytes: number) =>
    connectNodeAdapter({
      routes: agentRoutes(options.services),
      readMaxBytes,
      writeMaxBytes: MESSAGE_BYTES_MAX,
      contextValues: (request) =>
        createContextValues().set(peerKey, peerOfRequest(request as Http2ServerRequest)),
    });
  const forAgents = adapter(MESSAGE_BYTES_MAX);
  const forStrangers = adapter(STRANGER_MESSAGE_BYTES_MAX);
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  const server = createSecureServer(
    {
      ...context(options.certificate),
      requestCert: true,
      // Enroll comes without a certificate; every other call checks it (peer.ts).
      rejectUnauthorized: false,
      minVersion: "TLSv1.3",
      // A resumed session carries no certificate chain to check.
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      settings: { initialWindowSize: WINDOW_BYTES, maxConcurrentStreams: STREAMS_PER_CONNECTION_MAX },
    },
    (request, response) =>
      (peerOfRequest(request).kind === "agent" ? forAgents : forStrangers)(request, response),
  );
  const limits = options.limits ?? LIMITS;
  server.maxConnections = limits.connections;
  server.setTimeout(limits.idleMs);
  const isAgent = (socket: TLSSocket) => {
    const peer = peerOf(socket);
    return peer.kind === "agent" && options.services.standingOf(peer) === "good";
  };
  limitStrangers(server, limits, isAgent, options.onError);
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("session", (session) => {
    sessions.add(session);
    session.setLocalWindowSize(WINDOW_BYTES);
    session.on("error", options.onError);
    session.once("close", () => sessions.delete(session));
  });
  server.on("sessionError", options.onError);
  server.on("tlsClientError", options.onError);
  await listen(server, options.listen);
  return {
    port: (server.address() as AddressInfo).port,
    replaceCertificate: (certificate) => server.setSecureContext(context(certificate)),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, CLOSE_MS_MAX);
      await closed;
      clearTimeout(timer);
    },
  };
}

function listen(server: Http2SecureServer, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(explainListenError(error, address, "--listen-agents")));
    server.listen(address.port, address.host, () => {
      server.removeAllListeners("error");
      server.on("error", () => undefined);
      resolve();
    });
  });
}
