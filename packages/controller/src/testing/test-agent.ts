import { webcrypto } from "node:crypto";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import type { HostPolicy } from "@ringwall/policy";
import { AgentService, type ControllerMessage } from "@ringwall/protocol/agent";
import { KEY_ALGORITHM, SIGNING_ALGORITHM, x509 } from "../pki/x509.ts";

export type Identity = { readonly keyPem: string; readonly certificatePem: string; readonly caPem: string };
export type AgentClient = Client<typeof AgentService>;

/** A Connect client over mTLS, or over server-authenticated TLS where no identity is given. */
export function agentClient(url: string, identity: Partial<Identity>): AgentClient {
  return createClient(
    AgentService,
    createConnectTransport({
      baseUrl: url,
      httpVersion: "2",
      nodeOptions: {
        ca: identity.caPem,
        key: identity.keyPem,
        cert: identity.certificatePem,
        ...(identity.caPem === undefined ? { rejectUnauthorized: false } : {}),
      },
    }),
  );
}

/** A fresh P-256 key and a certificate request by it. */
export async function certificateRequest(): Promise<{ readonly csr: Uint8Array; readonly keyPem: string }> {
  const keys = (await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=test",
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  return { csr: new Uint8Array(request.rawData), keyPem };
}

export function pemOf(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;
}

/** Enrols as a real agent does; throws the controller's refusal. */
export async function enrollAgent(
  url: string,
  token: string,
  workload: string,
  more: {
    readonly addresses?: readonly string[];
    readonly labels?: Record<string, string>;
    readonly proofKeys?: readonly { readonly generation: number; readonly publicKey: Uint8Array }[];
  } = {},
): Promise<{ readonly workload: string; readonly identity: Identity; readonly client: AgentClient }> {
  const { csr, keyPem } = await certificateRequest();
  const reply = await agentClient(url, {}).enroll({
    token,
    csr,
    workload,
    addresses: [...(more.addresses ?? [])],
    labels: more.labels ?? {},
    version: "test",
    proofKeys: [...(more.proofKeys ?? [])],
  });
  const identity = {
    keyPem,
    certificatePem: reply.certificateChain.map(pemOf).join(""),
    caPem: pemOf(reply.caCertificate),
  };
  return { workload: reply.workload, identity, client: agentClient(url, identity) };
}

export type ReceivedPolicy = {
  readonly generation: number;
  readonly confirmWithinSeconds: number;
  readonly policy: HostPolicy;
};

/** An open subscription that remembers what came. */
export type Listening = {
  readonly policies: ReceivedPolicy[];
  readonly confirmed: number[];
  /** Versions of the proof state it was told of. */
  readonly proofs: bigint[];
  /** Seconds of each pause that was ordered. */
  readonly pauses: readonly number[];
  readonly shadows: ControllerMessage["message"][];
  /** Resolves when `test` holds; checked at every message. */
  until(test: () => boolean): Promise<void>;
  /** Why the stream ended, once it has. */
  readonly ended: Promise<unknown>;
  stop(): void;
};

export function listen(client: AgentClient, workload: string, generation = 0): Listening {
  const abort = new AbortController();
  const policies: ReceivedPolicy[] = [];
  const confirmed: number[] = [];
  const proofs: bigint[] = [];
  const shadows: ControllerMessage["message"][] = [];
  const pauses: number[] = [];
  let waiting: (() => void)[] = [];
  const take = ({ message }: ControllerMessage) => {
    if (message.case === "policy") {
      const { generation, confirmWithinSeconds, hostPolicy } = message.value;
      const policy = JSON.parse(Buffer.from(hostPolicy).toString("utf8")) as HostPolicy;
      policies.push({ generation: Number(generation), confirmWithinSeconds, policy });
    } else if (message.case === "confirm") confirmed.push(Number(message.value.generation));
    else if (message.case === "proof") proofs.push(message.value.version);
    else if (message.case === "pause") pauses.push(message.value.seconds);
    else if (message.case === "shadowStart" || message.case === "shadowStop") shadows.push(message);
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  };
  const ended = (async () => {
    try {
      const stream = client.subscribe(
        { workload, generation: BigInt(generation), version: "test" },
        { signal: abort.signal },
      );
      for await (const message of stream) take(message);
      return null;
    } catch (error) {
      return error;
    }
  })();
  return {
    policies,
    confirmed,
    proofs,
    pauses,
    shadows,
    ended,
    async until(test) {
      while (!test()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    stop: () => abort.abort(),
  };
}
