import { createHash, webcrypto } from "node:crypto";
import { createSecureServer, type Http2SecureServer, type Http2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import "reflect-metadata";
import { fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import * as x509 from "@peculiar/x509";
import {
  AgentService,
  type ControllerMessage,
  type ExecBatch,
  type FlowBatch,
  type LocalAction,
  ProcessSchema,
  ProofPath,
  type ShadowReport,
  type StatusReport,
} from "@ringwall/protocol/agent";
import { parseAddress } from "../observe/addresses.ts";
import { formatToken } from "../session/token.ts";

/** A real certificate authority for tests. */
export type TestAuthority = {
  readonly ca: x509.X509Certificate;
  readonly caSha256: string;
  readonly issue: (
    publicKey: x509.PublicKey,
    names: x509.JsonGeneralNames,
    lifetimeMs: number,
  ) => Promise<x509.X509Certificate>;
};

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export async function createTestAuthority(): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=test authority",
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return {
    ca,
    caSha256: createHash("sha256").update(new Uint8Array(ca.rawData)).digest("hex"),
    issue: (publicKey, names, lifetimeMs) =>
      x509.X509CertificateGenerator.create({
        subject: "CN=test",
        issuer: ca.subject,
        publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        notBefore: new Date(Date.now() - lifetimeMs / 10),
        notAfter: new Date(Date.now() + lifetimeMs),
        extensions: [new x509.SubjectAlternativeNameExtension(names)],
      }),
  };
}

export type TestController = {
  readonly url: string;
  readonly authority: TestAuthority;
  readonly token: (secret?: string) => string;
  readonly flows: FlowBatch[];
  readonly execs: ExecBatch[];
  readonly statuses: StatusReport[];
  readonly shadows: ShadowReport[];
  readonly actions: LocalAction[];
  /** Refused ones too. */
  readonly subscriptions: { workload: string; generation: bigint }[];
  readonly carried: {
    workload: string;
    labels: Record<string, string>;
    addresses: string[];
    expiredMs: bigint;
  }[];
  /** Those given to software, by its factors as JSON. */
  readonly numbers: Map<string, number>;
  readonly send: (message: ControllerMessage["message"]) => void;
  /** How the next certificates are issued. */
  settings: {
    lifetimeMs: number;
    refuseFlows: boolean;
    /** What an agent is told as soon as it subscribes. */
    greet: (workload: string) => readonly ControllerMessage["message"][];
    /** Addresses at which a host's own keys count, by its name: what it carries. */
    provenAt: readonly string[];
    /** Tokens are good for several hosts. */
    tokensLast: boolean;
  };
  /** Refuses the workload until it enrols again. */
  readonly forget: (workload: string) => void;
  /** Cuts every connection; new ones are accepted. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
};

/** A controller's agents' port with real mTLS, as small as one can be. `names` are what its certificate is for. */
export async function startTestController(
  names: x509.JsonGeneralNames = [{ type: "ip", value: "127.0.0.1" }],
): Promise<TestController> {
  const authority = await createTestAuthority();
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const publicKey = new x509.PublicKey(await webcrypto.subtle.exportKey("spki", keys.publicKey));
  const leaf = await authority.issue(publicKey, names, 3_600_000);
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const sessions = new Set<Http2Session>();
  const streams = new Set<(message: ControllerMessage["message"]) => void>();
  const used = new Set<string>();
  const seen: Pick<
    TestController,
    "flows" | "execs" | "statuses" | "shadows" | "actions" | "subscriptions" | "carried"
  > = {
    flows: [],
    shadows: [],
    actions: [],
    execs: [],
    statuses: [],
    subscriptions: [],
    carried: [],
  };
  const settings: TestController["settings"] = {
    lifetimeMs: 3_600_000,
    refuseFlows: false,
    greet: () => [],
    provenAt: [],
    tokensLast: false,
  };
  const forgotten = new Set<string>();
  const numbers = new Map<string, number>();
  let proofKeys: { generation: number; publicKey: Uint8Array }[] = [];

  const issueForAgent = async (csr: Uint8Array, workload: string) => {
    const request = new x509.Pkcs10CertificateRequest(new Uint8Array(csr));
    if (!(await request.verify())) throw new ConnectError("bad request", Code.InvalidArgument);
    const url = `spiffe://ringwall/workload/${workload}`;
    const certificate = await authority.issue(
      request.publicKey,
      [{ type: "url", value: url }],
      settings.lifetimeMs,
    );
    return new Uint8Array(certificate.rawData);
  };

  const handler = connectNodeAdapter({
    routes: (router) =>
      router.service(AgentService, {
        enroll: async (request) => {
          if (used.has(request.token) && !settings.tokensLast)
            throw new ConnectError("the token was used already", Code.Unauthenticated);
          used.add(request.token);
          forgotten.delete(request.workload);
          const certificate = await issueForAgent(request.csr, request.workload);
          return {
            workload: request.workload,
            certificateChain: [certificate],
            caCertificate: new Uint8Array(authority.ca.rawData),
          };
        },
        enrollCarried: async (request) => {
          seen.carried.push({
            workload: request.workload,
            labels: request.labels,
            addresses: request.addresses,
            expiredMs: request.expiredMs,
          });
          return {
            workload: request.workload,
            certificateChain: [await issueForAgent(request.csr, request.workload)],
            caCertificate: new Uint8Array(authority.ca.rawData),
          };
        },
        renew: async (request) => ({
          certificateChain: [await issueForAgent(request.csr, seen.subscriptions[0]?.workload ?? "")],
          caCertificate: new Uint8Array(authority.ca.rawData),
        }),
        subscribe: async function* (request, context) {
          seen.subscriptions.push({ workload: request.workload, generation: request.generation });
          if (forgotten.has(request.workload))
            throw new ConnectError("the workload was forgotten", Code.Unauthenticated);
          const queue: ControllerMessage["message"][] = [
            {
              case: "heartbeat",
              value: { $typeName: "ringwall.agent.v1.Heartbeat", timeMs: BigInt(Date.now()) },
            },
            ...settings.greet(request.workload),
          ];
          let wake: () => void = () => undefined;
          const push = (message: ControllerMessage["message"]) => {
            queue.push(message);
            wake();
          };
          streams.add(push);
          context.signal.addEventListener("abort", () => wake());
          try {
            while (!context.signal.aborted) {
              const message = queue.shift();
              if (message !== undefined) yield { message };
              else
                await new Promise<void>((resolve) => {
                  wake = resolve;
                });
            }
          } finally {
            streams.delete(push);
          }
        },
        reportFlows: (request) => {
          if (settings.refuseFlows) throw new ConnectError("not yours", Code.PermissionDenied);
          seen.flows.push(request);
          return {};
        },
        reportExecs: (request) => {
          seen.execs.push(request);
          return {};
        },
        offerProofKey: (request) => {
          proofKeys = request.keys.map(({ generation, publicKey }) => ({ generation, publicKey }));
          return {};
        },
        numberIdentities: ({ processes }) => ({
          numbers: processes.map((process) => {
            const text = toJsonString(ProcessSchema, process);
            numbers.set(text, numbers.get(text) ?? Math.max(0, ...numbers.values()) + 1);
            return numbers.get(text) ?? 0;
          }),
        }),
        fetchProof: ({ workload }) => ({
          version: 1n,
          complete: true,
          peers:
            settings.provenAt.length === 0
              ? []
              : [
                  {
                    workload,
                    addresses: settings.provenAt.flatMap((text) => parseAddress(text) ?? []),
                    keys: proofKeys,
                    path: ProofPath.EXPECTED,
                  },
                ],
          identities: [...numbers].map(([text, number]) => ({
            number,
            process: fromJsonString(ProcessSchema, text),
          })),
        }),
        reportProofs: () => ({}),
        reportShadow: (request) => {
          seen.shadows.push(request);
          return {};
        },
        reportActions: ({ actions }) => {
          seen.actions.push(...actions);
          return {};
        },
        reportStatus: (request) => {
          seen.statuses.push(request);
          return {};
        },
      }),
  });
  const server = createSecureServer(
    {
      key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
      cert: `${leaf.toString("pem")}\n${authority.ca.toString("pem")}\n`,
      ca: authority.ca.toString("pem"),
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: "TLSv1.3",
    },
    (request, response) => {
      const socket = request.stream.session?.socket as TLSSocket | undefined;
      const isEnroll = request.url.endsWith("/Enroll");
      if (!isEnroll && socket?.authorized !== true) response.writeHead(401).end();
      else handler(request, response);
    },
  );
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => undefined);
  });
  server.on("sessionError", () => undefined);
  await listen(server);
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cut = () => {
    for (const session of sessions) session.destroy();
  };
  return {
    url,
    authority,
    settings,
    ...seen,
    numbers,
    token: (secret = crypto.randomUUID()) =>
      formatToken({ controller: url, caSha256: authority.caSha256, secret }),
    send: (message) => {
      for (const push of streams) push(message);
    },
    cut,
    forget: (workload) => {
      forgotten.add(workload);
      cut();
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: Http2SecureServer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
}
