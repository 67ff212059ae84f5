import { setTimeout as sleep } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ControllerMessage, StatusReportSchema } from "@ringwall/protocol/agent";
import { agentError } from "../agent-error.ts";
import { CALL_TIMEOUT_MS, type ControllerClient, connectController } from "./client.ts";
import { type Credentials, type Enrolment, expiryOf, renewAtMs, saveCredentials } from "./credentials.ts";
import { renew } from "./enrol.ts";
import { explainFailure, type Failure, isOfEnrolment } from "./failure.ts";
import { subscribe } from "./subscription.ts";

/** Milliseconds before the first new attempt after a lost connection; doubles up to the limit. */
export const RETRY_MS_MIN = 500;
export const RETRY_MS_MAX = 15_000;
/** Milliseconds between attempts to renew a certificate that is due. */
export const RENEW_RETRY_MS = 60_000;
/** Milliseconds between renewals where a new certificate looks due at once: by a clock that is hours off. */
const RENEW_WRONG_CLOCK_MS = 3_600_000;

export type SessionParts = Enrolment & {
  readonly stateDir: string;
  readonly version: string;
  /** In force now; told to the controller at every connection. */
  readonly generation: () => bigint;
  readonly onMessage: (message: ControllerMessage["message"]) => Promise<void>;
  /** The subscription stands: what waited can be sent. */
  readonly onOpen: () => void;
  /** Once for each new reason. */
  readonly onFailure: (failure: Failure) => void;
  readonly nowMs: () => number;
};

export type Session = {
  /** Runs until the signal; never throws for what the network does. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** For uploads: null while there is no connection. */
  readonly client: () => ControllerClient | null;
  readonly reportStatus: (report: MessageInitShape<typeof StatusReportSchema>) => Promise<void>;
  readonly credentials: () => Credentials;
  readonly failure: () => Failure | null;
};

/** Keeps one connection to the controller: subscribes, comes back after failures, renews the certificate in time. */
export function createSession(parts: SessionParts): Session {
  let { credentials, enrol } = parts;
  let client: ControllerClient | null = null;
  let failure: Failure | null = null;
  let retryMs = RETRY_MS_MIN;
  let reconnect = new AbortController();

  function failed(error: unknown): void {
    const next = explainFailure(error, credentials.controller);
    const isNews = failure?.message !== next.message;
    failure = next;
    if (isNews) parts.onFailure(next);
  }

  /** A clock that was wrong at the start may be right by now. */
  function mustEnrol(): boolean {
    return enrol !== undefined && (expiryOf(credentials)?.getTime() ?? 0) <= parts.nowMs();
  }

  async function enrolAnew(): Promise<void> {
    credentials = (await enrol?.(credentials)) ?? credentials;
    if (parts.enrolsAgain !== true) enrol = undefined;
    await saveCredentials(parts.stateDir, credentials);
  }

  /** By a token that was put there meanwhile, where the controller does not take the certificate. */
  async function enrolRefused(error: unknown): Promise<void> {
    const { byToken } = parts;
    const { code, message } = explainFailure(error, credentials.controller);
    if (byToken === undefined || !isOfEnrolment(code)) throw error;
    const { file } = byToken;
    const next = await byToken.enrol(credentials).catch((problem: unknown) => {
      const second = explainFailure(problem, credentials.controller);
      const words = `${message}; and it can't enrol by the token in \`${file}\`: ${second.message}`;
      throw agentError(code, words, second.fix, problem);
    });
    if (next === null) {
      // Whose remedies are others, too.
      if (code === "controller-not-trusted") throw error;
      const command = `ringwall token create --name ${credentials.workload}`;
      throw agentError(
        code,
        message,
        `make a token with \`${command}\` and put it into \`${file}\`: the running agent takes it from there`,
        error,
      );
    }
    credentials = next;
    await saveCredentials(parts.stateDir, next);
  }

  async function connect(signal: AbortSignal): Promise<void> {
    if (mustEnrol()) await enrolAnew();
    try {
      await connectOnce(signal);
    } catch (error) {
      if (signal.aborted) throw error;
      await enrolRefused(error);
      await connectOnce(signal);
    }
  }

  async function connectOnce(signal: AbortSignal): Promise<void> {
    const connection = connectController(credentials.controller, credentials);
    const hello = { workload: credentials.workload, generation: parts.generation(), version: parts.version };
    const onOpen = () => {
      client = connection;
      failure = null;
      retryMs = RETRY_MS_MIN;
      parts.onOpen();
    };
    try {
      await subscribe(connection, hello, { onOpen, onMessage: parts.onMessage }, signal);
    } finally {
      client = null;
      connection.close();
    }
  }

  function renewInMs(): number {
    if (mustEnrol()) return RENEW_RETRY_MS;
    return renewAtMs(credentials.certificateChain) - parts.nowMs();
  }

  async function renewWhenDue(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // A timer stands still while the machine sleeps, so no single one is long.
      await pause(Math.min(Math.max(renewInMs(), RETRY_MS_MIN), RENEW_RETRY_MS), signal);
      if (signal.aborted || renewInMs() > 0) continue;
      const former = credentials;
      try {
        const renewed = await renew(former);
        // Enrolled again meanwhile, which ended all that came before.
        if (credentials !== former) continue;
        credentials = renewed;
        await saveCredentials(parts.stateDir, credentials);
        reconnect.abort();
        if (renewInMs() <= 0) await pause(RENEW_WRONG_CLOCK_MS, signal);
      } catch (error) {
        // Without a connection its own failure says it, and what to do.
        if (client !== null) failed(error);
        await pause(RENEW_RETRY_MS, signal);
      }
    }
  }

  async function stayConnected(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      reconnect = new AbortController();
      try {
        await connect(AbortSignal.any([signal, reconnect.signal]));
      } catch (error) {
        if (signal.aborted) return;
        // With the new certificate at once.
        if (reconnect.signal.aborted) continue;
        failed(error);
      }
      await pause(retryMs * (0.5 + Math.random() / 2), signal);
      retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
    }
  }

  return {
    client: () => client,
    credentials: () => credentials,
    failure: () => failure,
    run: async (signal) => {
      await Promise.all([stayConnected(signal), renewWhenDue(signal)]);
    },
    reportStatus: async (report) => {
      await client?.service.reportStatus(report, { timeoutMs: CALL_TIMEOUT_MS });
    },
  };
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}
