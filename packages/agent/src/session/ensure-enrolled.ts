import { readFile } from "node:fs/promises";
import { text as readStream } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { labels as labelsSchema, name as nameSchema } from "@ringwall/model";
import { AgentError, agentError } from "../agent-error.ts";
import type { AgentOptions } from "../agent-options.ts";
import { loadPolicyState } from "../apply/policy-store.ts";
import type { PeerKey } from "../proof/keys.ts";
import { type Credentials, loadCredentials, saveCredentials } from "./credentials.ts";
import { enrol } from "./enrol.ts";
import { explainFailure, type Failure } from "./failure.ts";
import { type EnrolmentToken, parseToken } from "./token.ts";

/** Milliseconds between attempts to enrol while the controller can't be reached. */
export const ENROL_RETRY_MS = 2000;

export type EnrolmentParts = {
  readonly options: AgentOptions;
  readonly hostName: string;
  readonly addresses: readonly string[];
  readonly version: string;
  /** Public keys of the proof, for a host that proves. */
  readonly proofKeys?: () => Promise<readonly PeerKey[]>;
  readonly nowMs: () => number;
  readonly onWaiting: (failure: Failure) => void;
  /** The certificate has expired, and the agent goes on enforcing without a connection. */
  readonly onExpired: (problem: AgentError) => void;
};

/**
 * The credentials this agent has, or gets with its token. Waits while the controller can't be reached; what the
 * controller or its certificate says no to is thrown as AgentError.
 */
export async function ensureEnrolled(parts: EnrolmentParts): Promise<Credentials> {
  const { options } = parts;
  checkNames(options);
  const stored = await loadStored(parts);
  if (stored !== null) {
    if (options.workload !== undefined && options.workload !== stored.workload) {
      throw agentError(
        "enrolled-otherwise",
        `this agent is enrolled as \`${stored.workload}\`, not as \`${options.workload}\``,
        "leave --name out, or run `ringwall agent uninstall` and enrol anew",
      );
    }
    return options.controller === undefined ? stored : { ...stored, controller: options.controller };
  }
  const token = await loadToken(options);
  const credentials = await enrolPatiently(token, parts);
  await saveCredentials(options.stateDir, credentials);
  return credentials;
}

/**
 * Credentials that can't be used any more give way to a token, where there is one. Expired ones without a token are
 * taken where there is a policy to enforce: a host that was off for a week must not come up open.
 */
async function loadStored(parts: EnrolmentParts): Promise<Credentials | null> {
  const { stateDir } = parts.options;
  try {
    return await loadCredentials(stateDir, parts.nowMs());
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    if (hasToken(parts.options)) return null;
    if ((await loadPolicyState(stateDir)).current === null) throw error;
    const expired = await loadCredentials(stateDir, null);
    parts.onExpired(error);
    return expired;
  }
}

function hasToken(options: AgentOptions): boolean {
  return options.tokenFile !== undefined || process.env["RINGWALL_TOKEN"] !== undefined;
}

function checkNames(options: AgentOptions): void {
  if (options.workload !== undefined && !nameSchema.safeParse(options.workload).success) {
    throw agentError(
      "workload-name",
      `\`${options.workload}\` can't be a workload's name`,
      "use letters, digits, `.`, `_`, `-`, `/`, alphanumeric at both ends",
    );
  }
  const labels = labelsSchema.safeParse(options.labels ?? {});
  if (!labels.success) {
    const issue = labels.error.issues[0];
    throw agentError(
      "label",
      `label \`${issue?.path.join(".") ?? ""}\` is not one: ${issue?.message ?? ""}`,
      "write --label KEY=VALUE",
    );
  }
}

async function loadToken(options: AgentOptions): Promise<EnrolmentToken> {
  const text = await tokenText(options);
  // Not handed on to child processes.
  delete process.env["RINGWALL_TOKEN"];
  const token = parseToken(text);
  if (!token.ok) throw new AgentError(token.error);
  return token.value;
}

async function tokenText(options: AgentOptions): Promise<string> {
  const { tokenFile } = options;
  if (tokenFile === "-") return readStream(process.stdin);
  if (tokenFile !== undefined) {
    return readFile(tokenFile, "utf8").catch((error: unknown) => {
      throw agentError(
        "token-unreadable",
        `the token file \`${tokenFile}\` can't be read`,
        "name the file with --token-file",
        error,
      );
    });
  }
  const fromEnvironment = process.env["RINGWALL_TOKEN"];
  if (fromEnvironment !== undefined) return fromEnvironment;
  throw agentError(
    "not-enrolled",
    `no agent is enrolled in \`${options.stateDir}\`, and there is no token to enrol with`,
    "make a token on the controller with `ringwall token create` and start the agent with --token-file FILE",
  );
}

async function enrolPatiently(token: EnrolmentToken, parts: EnrolmentParts): Promise<Credentials> {
  const { options } = parts;
  let told: string | undefined;
  for (;;) {
    try {
      return await enrol({
        token,
        controller: options.controller,
        workload: options.workload ?? parts.hostName,
        labels: options.labels ?? {},
        addresses: parts.addresses,
        version: parts.version,
        proofKeys: (await parts.proofKeys?.()) ?? [],
      });
    } catch (error) {
      if (error instanceof AgentError) throw error;
      const failure = explainFailure(error, options.controller ?? token.controller);
      if (failure.kind === "refused") throw agentError(failure.code, failure.message, failure.fix, error);
      if (told !== failure.message) parts.onWaiting(failure);
      told = failure.message;
    }
    await sleep(ENROL_RETRY_MS, undefined, { signal: options.signal });
  }
}
