import { setTimeout as sleep } from "node:timers/promises";
import { labels as labelsSchema, name as nameSchema } from "@ringwall/model";
import { AgentError, agentError } from "../agent-error.ts";
import type { AgentOptions } from "../agent-options.ts";
import { loadPolicyState } from "../apply/policy-store.ts";
import type { PeerKey } from "../proof/keys.ts";
import {
  type Credentials,
  type Enrolment,
  loadCredentials,
  lostCredentials,
  saveCredentials,
} from "./credentials.ts";
import { enrol } from "./enrol.ts";
import { explainFailure, type Failure } from "./failure.ts";
import { hasToken, loadPlacedToken, loadToken, tokenPlaceOf, tokenSource } from "./load-token.ts";
import { digestOfToken, type EnrolmentToken } from "./token.ts";

/** Milliseconds between attempts to enrol while the controller can't be reached. */
export const ENROL_RETRY_MS = 2000;

export type EnrolmentParts = {
  readonly options: AgentOptions;
  readonly hostName: string;
  readonly addresses: () => readonly string[];
  readonly version: string;
  /** Public keys of the proof, for a host that proves. */
  readonly proofKeys?: () => Promise<readonly PeerKey[]>;
  readonly nowMs: () => number;
  readonly onWaiting: (failure: Failure) => void;
  /** The stored credentials can't be used, and the agent goes on enforcing without a connection. */
  readonly onUnusable: (why: string) => void;
  /** It has others in the place of those it began with. */
  readonly onEnrolledAgain?: (how: string) => void;
};

/**
 * The credentials this agent has, or gets with its token. Waits while the controller can't be reached; what the
 * controller or its certificate says no to is thrown as AgentError. Where a policy is stored it does neither: a host that
 * was off for a week must not come up open, so the agent begins, and the session enrols it.
 */
export async function ensureEnrolled(parts: EnrolmentParts): Promise<Enrolment> {
  checkNames(parts.options);
  const enrolment = await storedOrNew(parts);
  const byToken = await tokenPlace(enrolment.credentials, parts);
  return byToken === undefined ? enrolment : { ...enrolment, byToken };
}

async function storedOrNew(parts: EnrolmentParts): Promise<Enrolment> {
  const { options } = parts;
  const stored = await loadStored(parts);
  if (stored !== null) {
    const { credentials } = stored;
    checkSame(credentials.workload, options.workload);
    if (options.controller === undefined) return stored;
    return { ...stored, credentials: { ...credentials, controller: options.controller } };
  }
  const credentials = await enrolPatiently(parts);
  await saveCredentials(options.stateDir, credentials);
  return { credentials };
}

function checkSame(enrolled: string, wanted = enrolled): void {
  if (wanted === enrolled) return;
  throw agentError(
    "enrolled-otherwise",
    `this agent is enrolled as \`${enrolled}\`, not as \`${wanted}\``,
    "leave --name out, or run `ringwall agent uninstall` and enrol anew",
  );
}

/** Null: it has to enrol before it can begin. */
async function loadStored(parts: EnrolmentParts): Promise<Enrolment | null> {
  const { options } = parts;
  const { stateDir, controller = "" } = options;
  let problem: AgentError | null = null;
  try {
    const credentials = await loadCredentials(stateDir, parts.nowMs());
    if (credentials !== null) return { credentials };
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    problem = error;
  }
  const policy = (await loadPolicyState(stateDir)).current?.policy;
  const expired = await loadCredentials(stateDir, null).catch(() => null);
  if (policy === undefined || (expired === null && !hasToken(options))) {
    if (problem === null || hasToken(options)) return null;
    throw problem;
  }
  parts.onUnusable(problem?.message ?? `the agent's credentials are gone from \`${stateDir}\``);
  const credentials = expired ?? lostCredentials(policy.workload, controller);
  return hasToken(options)
    ? { credentials, enrol: enrolAgain(credentials.workload, parts) }
    : { credentials };
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

async function enrolPatiently(parts: EnrolmentParts): Promise<Credentials> {
  const { options } = parts;
  const tokenNow = tokenSource(options);
  let token = await tokenNow();
  let told: string | undefined;
  for (;;) {
    try {
      return await enrolOnce(token, options.workload ?? parts.hostName, parts);
    } catch (error) {
      if (error instanceof AgentError) throw error;
      const failure = explainFailure(error, options.controller ?? token.controller);
      if (failure.kind === "refused") throw agentError(failure.code, failure.message, failure.fix, error);
      if (told !== failure.message) parts.onWaiting(failure);
      told = failure.message;
    }
    await sleep(ENROL_RETRY_MS, undefined, { signal: options.signal });
    // One that names the right controller may have been put there; half of it is none yet.
    token = await tokenNow().catch(() => token);
  }
}

/** One attempt each time, under the name that this host has; what is in the way is thrown as AgentError. */
function enrolAgain(workload: string, parts: EnrolmentParts): () => Promise<Credentials> {
  const tokenNow = tokenSource(parts.options);
  return async () => enrolAs(workload, await tokenNow(), parts);
}

/**
 * Where a running agent finds a new token. The one by which the refused credentials came is none: it may be good for several
 * hosts, and a host that was forgotten is not to come back by itself.
 */
async function tokenPlace(
  { tokenSha256 }: Credentials,
  parts: EnrolmentParts,
): Promise<Enrolment["byToken"] | undefined> {
  const file = await tokenPlaceOf(parts.options);
  if (file === undefined) return undefined;
  // Credentials of an older agent don't say: then it is the one that is there now.
  const first = tokenSha256 ?? (await loadToken(parts.options).then(digestOfToken, () => undefined));
  return {
    file,
    enrol: async (refused) => {
      const token = await loadPlacedToken(file);
      if (token === null || digestOfToken(token) === (refused.tokenSha256 ?? first)) return null;
      return enrolAs(refused.workload, token, parts);
    },
  };
}

async function enrolAs(workload: string, token: EnrolmentToken, parts: EnrolmentParts): Promise<Credentials> {
  const { options } = parts;
  try {
    const credentials = await enrolOnce(token, workload, parts);
    checkSame(workload, credentials.workload);
    const place = options.tokenFile === undefined ? "" : ` in \`${options.tokenFile}\``;
    parts.onEnrolledAgain?.(`enrolled again as \`${workload}\`, with the token${place}`);
    return credentials;
  } catch (error) {
    const { code, message, fix } = explainFailure(error, options.controller ?? token.controller);
    throw agentError(code, message, fix, error);
  }
}

async function enrolOnce(
  token: EnrolmentToken,
  workload: string,
  { options, addresses, version, proofKeys }: EnrolmentParts,
): Promise<Credentials> {
  const credentials = await enrol({
    token,
    controller: options.controller,
    workload,
    labels: options.labels ?? {},
    addresses: addresses(),
    version,
    proofKeys: (await proofKeys?.()) ?? [],
  });
  return { ...credentials, tokenSha256: digestOfToken(token) };
}
