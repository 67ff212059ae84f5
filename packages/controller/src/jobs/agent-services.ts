import {
  ADDRESSES_PER_WORKLOAD_MAX,
  fail,
  type Labels,
  labels as labelsSchema,
  name as nameSchema,
  ok,
  type Result,
} from "@ringwall/model";
import type { EnrollCarriedRequest, EnrollRequest, StatusReport } from "@ringwall/protocol/agent";
import type { Logger } from "pino";
import type { Hub } from "../api/agents/hub.ts";
import type { AgentRefusal, AgentServices } from "../api/agents/services.ts";
import { decodeExecs } from "../ingest/decode-execs.ts";
import { type DecodedFlows, decodeFlows } from "../ingest/decode-flows.ts";
import { type Authority, type IssuedCertificate, issuedAt } from "../pki/authority.ts";
import { hashOfToken, hashSecret, TOKEN_PREFIX } from "../pki/enrollment-token.ts";
import { decodeKeyOffer, type KeyOffer } from "../proof/decode-proof.ts";
import { tellVersion } from "../proof/notifier.ts";
import { createProofServices } from "../proof/proof-services.ts";
import type { Proofs } from "../proof/proofs-parts.ts";
import type { FlowStore } from "../store/flows/flow-store.ts";
import type { Credentials } from "../store/state/credentials.ts";
import { findToken, type TokenFault, useToken } from "../store/state/enrollment.ts";
import type { Fleet } from "../store/state/fleet.ts";
import type { StateDatabase } from "../store/state/open.ts";
import type { NewAlert } from "./alerts.ts";
import type { Changes } from "./changes/changes.ts";
import type { Drills } from "./drill/drills.ts";
import { alertsOfExecs } from "./exec-alerts.ts";
import { alertsOfFlows, textOf } from "./flow-alerts.ts";
import { judgeCarried, judgeExpired } from "./judge-carried.ts";
import { decodeActions, recordActions } from "./local-actions.ts";
import { createMutexes, createQueue } from "./mutex.ts";
import { GENERATION_CLAIM_MAX, type Rollout } from "./rollout.ts";
import type { Shadows } from "./shadow/shadows.ts";
import { createSharedAddressAlerts } from "./shared-addresses.ts";
import { decodeStatus, VERSION_LENGTH_MAX } from "./status-report.ts";

/** Labels of one host; people who need more describe something else. */
export const LABELS_PER_WORKLOAD_MAX = 64;
/** Enrolments that wait for their turn, 10 ms each; who comes beyond it is told to come again, as agents do by themselves. */
export const ENROLLMENTS_WAITING_MAX = 256;

export type AgentServicesParts = {
  readonly db: StateDatabase;
  readonly fleet: Fleet;
  readonly flows: FlowStore;
  readonly hub: Hub;
  readonly changes: Changes;
  readonly rollout: Rollout;
  readonly shadows: Shadows;
  readonly drills: Drills;
  readonly authority: Authority;
  readonly credentials: Credentials;
  readonly log: Logger;
  readonly alert: (alerts: readonly NewAlert[]) => Promise<void>;
  readonly newProcesses: (workload: string, processes: readonly NewProcess[]) => Promise<void>;
  readonly onFlows: () => void;
  readonly proofs: Proofs;
};
export type NewProcess = Parameters<typeof alertsOfFlows>[1]["processes"][number];

export function createAgentServices(parts: AgentServicesParts): AgentServices {
  const { db, fleet, flows, hub, changes, rollout, shadows, authority, credentials } = parts;

  const inTurn = createQueue(ENROLLMENTS_WAITING_MAX);
  const sharedAddresses = createSharedAddressAlerts(fleet);
  // An agent sends several reports at once, and what follows of each changes what the next one finds.
  const oneByOne = createMutexes();

  const issued = async (workload: string, term: number, { serial, notAfter, der }: IssuedCertificate) => {
    const isGood = await credentials.save({ serial, workload, notAfter, term });
    return isGood
      ? ok({ certificateChain: [der], caCertificate: authority.certificateDer })
      : fail(refused("unauthenticated", revokedMeanwhile(workload)));
  };
  const renew = async (workload: string, csr: Uint8Array) => {
    const term = credentials.term(workload);
    const certificate = await authority.issueForAgent(csr, workload);
    return certificate.ok
      ? issued(workload, term, certificate.value)
      : fail(refused("invalid", certificate.error));
  };
  // One after the other, so that two hosts that ask for the same name at once do not both get it.
  const enroll = async (request: EnrollRequest) => {
    const wanted = await judgeEnrollment(parts, request);
    if (!wanted.ok) return wanted;
    const { workload, labels, hash } = wanted.value;
    const keys = decodeKeyOffer({ keys: request.proofKeys, mutePorts: [], datagrams: false });
    if (!keys.ok) return fail(refused("invalid", `the proof keys are not valid: ${keys.error}`));
    const certificate = await authority.issueForAgent(request.csr, workload);
    if (!certificate.ok) return fail(refused("invalid", certificate.error));
    if (!(await useToken(db, hash))) return fail(tokenRefused("used"));
    return enrolled({ workload, labels }, request, certificate.value, keys.value);
  };
  const enrollCarried = async (carrier: string, request: EnrollCarriedRequest) => {
    const wanted = judgeCarried(fleet, carrier, request);
    if (!wanted.ok) return wanted;
    const { workload } = wanted.value;
    if (request.expiredMs !== 0n) {
      const lasting = await judgeExpired(fleet, request);
      if (!lasting.ok) return lasting;
      // No new enrolment, so that it can ask again where this answer is lost.
      const renewed = await renew(workload, request.csr);
      return renewed.ok ? ok({ workload, ...renewed.value }) : renewed;
    }
    const certificate = await authority.issueForAgent(request.csr, workload);
    if (!certificate.ok) return fail(refused("invalid", certificate.error));
    return enrolled(wanted.value, request, certificate.value);
  };
  const enrolled = async (
    { workload, labels }: { readonly workload: string; readonly labels: Labels },
    request: { readonly addresses: string[]; readonly version: string },
    certificate: IssuedCertificate,
    keys: KeyOffer = { keys: [], mutePorts: [], datagrams: false },
  ) => {
    const again = fleet.get(workload) !== undefined;
    await credentials.revoke(workload);
    const term = credentials.term(workload);
    hub.disconnect(workload);
    await fleet.enroll(workload, labels, request.addresses, request.version, issuedAt(certificate));
    await parts.proofs.renewed(workload);
    parts.proofs.addressesChanged();
    // Before its policy is compiled, which is one for a host that can prove.
    const offered = await parts.proofs.offer(workload, keys);
    if (!offered.ok)
      parts.log.error({ workload, problem: offered.error }, "keys of a new host were not taken");
    const reply = await issued(workload, term, certificate);
    if (!reply.ok) return reply;
    await parts.alert(sharedAddresses(workload, Date.now()));
    await changes.enrolled(workload);
    parts.log.info({ workload, again }, "an agent enrolled");
    return ok({ workload, ...reply.value });
  };

  return {
    ...createProofServices(fleet, parts.proofs),
    standingOf: (certificate) => {
      if (fleet.get(certificate.workload) === undefined) return "unknown";
      return credentials.isGood(certificate) ? "good" : "replaced";
    },
    heard: (workload) => fleet.seen(workload),
    enrollCarried: (carrier, request) =>
      inTurn(() => enrollCarried(carrier, request)) ?? Promise.resolve(fail(tooManyEnrollments())),
    enroll: (request) => inTurn(() => enroll(request)) ?? Promise.resolve(fail(tooManyEnrollments())),
    renew,
    async subscribe(workload, generation, version) {
      if (fleet.get(workload) === undefined) return fail(unknownWorkload(workload));
      if (generation > BigInt(GENERATION_CLAIM_MAX)) {
        return fail(refused("invalid", `generation ${generation} is none that a controller gave`));
      }
      const subscription = hub.open(workload);
      tellVersion(hub, workload, parts.proofs.version());
      try {
        await changes.exclusively(() => rollout.greet(workload, Number(generation), changes.pending()));
        await shadows.greet(workload);
      } catch (error) {
        subscription.close();
        throw error;
      }
      parts.log.debug({ workload, generation: Number(generation), version }, "an agent listens");
      return ok(subscription);
    },
    async flows(workload, batch) {
      const decoded = decodeFlows(batch, Date.now());
      if (!decoded.ok) return fail(refused("invalid", `the flow batch is not valid: ${decoded.error}`));
      const marked = parts.drills.mark(workload, decoded.value);
      const stored = await storing(parts.log, () => flows.storeFlows(workload, marked));
      if (!stored.ok) return stored;
      if (stored.value.kind === "repeated") return ok(undefined);
      const { newProcesses } = stored.value;
      await oneByOne(workload, async () => {
        await fleet.recordLost(workload, decoded.value.lost);
        parts.proofs.talks(workload, peersIn(decoded.value));
        await parts.alert(alertsOfFlows(workload, marked, (address) => fleet.ownerOf(address)));
        await parts.newProcesses(workload, parts.drills.withoutOwn(workload, newProcesses));
      });
      if (decoded.value.reports.length > 0) parts.onFlows();
      return ok(undefined);
    },
    async execs(workload, batch) {
      const decoded = decodeExecs(batch, Date.now());
      if (!decoded.ok) return fail(refused("invalid", `the exec batch is not valid: ${decoded.error}`));
      const stored = await storing(parts.log, () => flows.storeExecs(workload, decoded.value));
      if (!stored.ok) return stored;
      if (stored.value.kind === "repeated") return ok(undefined);
      const { newProcesses } = stored.value;
      await oneByOne(workload, async () => {
        await parts.alert(alertsOfExecs(workload, decoded.value));
        await parts.newProcesses(workload, parts.drills.withoutOwn(workload, newProcesses));
      });
      return ok(undefined);
    },
    async shadow(workload, report) {
      const taken = await shadows.report(workload, report);
      return taken.ok ? taken : fail(refused("invalid", `the shadow's report is not valid: ${taken.error}`));
    },
    async drill(workload, report) {
      const taken = await parts.drills.report(workload, report);
      return taken.ok ? taken : fail(refused("invalid", `the drill's report is not valid: ${taken.error}`));
    },
    async actions(workload, report) {
      const decoded = decodeActions(report);
      if (!decoded.ok)
        return fail(refused("invalid", `the report of actions is not valid: ${decoded.error}`));
      await parts.alert(await recordActions(db, workload, decoded.value));
      return ok(undefined);
    },
    async status(workload, report) {
      const taken = await takeStatus(parts, workload, report);
      if (taken.ok) await parts.alert(sharedAddresses(workload, Date.now()));
      return taken;
    },
  };
}

const TCP = 6;

/** Whom the host talks with, and was not only tried by. */
function peersIn({ reports }: DecodedFlows): Iterable<string> {
  const peers = reports.flatMap(({ direction, dst, proto, src, verdict }) =>
    proto === TCP && verdict !== "blocked" ? [direction === "outbound" ? dst : src] : [],
  );
  return new Set([...new Set(peers)].map(textOf));
}

async function takeStatus(
  { fleet, changes, rollout, proofs }: AgentServicesParts,
  workload: string,
  report: StatusReport,
): Promise<Result<void, AgentRefusal>> {
  const decoded = decodeStatus(report);
  if (!decoded.ok) return fail(refused("invalid", `the status report is not valid: ${decoded.error}`));
  if (fleet.get(workload) === undefined) return fail(unknownWorkload(workload));
  const { inventoryChanged } = await fleet.recordStatus(workload, decoded.value);
  if (inventoryChanged) {
    changes.inventoryChanged();
    proofs.addressesChanged();
  }
  const { generation, unconfirmedGeneration } = decoded.value;
  if (unconfirmedGeneration === 0 && rollout.wanted(workload)?.generation === generation) {
    // It has what it should have: nothing to tell it, and nothing to wait for.
    proofs.settled(workload);
    return ok(undefined);
  }
  await changes.exclusively(() =>
    rollout.reconcile(workload, generation, unconfirmedGeneration, changes.pending()),
  );
  return ok(undefined);
}

/** An engine that is away is the agent's reason to keep the batch and send it again. */
async function storing<T>(log: Logger, work: () => Promise<T>): Promise<Result<T, AgentRefusal>> {
  try {
    return ok(await work());
  } catch (error) {
    log.error({ err: error }, "a batch could not be stored");
    return fail(refused("unavailable", "the flow store can't take the batch now; send it again"));
  }
}

type Enrollment = { readonly workload: string; readonly labels: Labels; readonly hash: string };

async function judgeEnrollment(
  { db, fleet, changes }: AgentServicesParts,
  request: EnrollRequest,
): Promise<Result<Enrollment, AgentRefusal>> {
  const hash = request.token.startsWith(TOKEN_PREFIX)
    ? hashOfToken(request.token)
    : hashSecret(request.token);
  const token = hash === null ? fail("unknown" as const) : await findToken(db, hash);
  if (!token.ok || hash === null) return fail(tokenRefused(token.ok ? "unknown" : token.error));
  const bound = token.value.workload;
  const workload = bound ?? request.workload;
  const parsed = nameSchema.safeParse(workload);
  if (!parsed.success)
    return fail(refused("invalid", "the workload's name is not valid: letters, digits, `.`, `_`, `-`, `/`"));
  if (bound !== null && request.workload !== "" && request.workload !== bound) {
    const remedy = `start the agent with --name ${bound}, or make a token for its own name`;
    const what = `the token is for the workload \`${bound}\`, and this host calls itself otherwise`;
    return fail(refused("denied", `${what}; ${remedy}`));
  }
  if (bound === null && fleet.get(workload) !== undefined) {
    const command = `ringwall token create --name ${workload}`;
    const remedy = `choose another name with --name, or replace it with a token for exactly this one (\`${command}\`)`;
    return fail(refused("exists", `a workload \`${workload}\` is enrolled already; ${remedy}`));
  }
  if (changes.inForce().resources.some((one) => one.kind === "Workload" && one.metadata.name === workload)) {
    const message = `the policy has a Workload \`${workload}\` written by hand; take it out of the policy first, or choose another name with --name`;
    return fail(refused("exists", message));
  }
  if (request.addresses.length > ADDRESSES_PER_WORKLOAD_MAX) {
    return fail(refused("invalid", `more than ${ADDRESSES_PER_WORKLOAD_MAX} addresses`));
  }
  if (request.version.length > VERSION_LENGTH_MAX || request.version.includes("\0")) {
    return fail(refused("invalid", "the agent's version is not one"));
  }
  const labels = labelsSchema.safeParse({ ...request.labels, ...token.value.labels });
  if (!labels.success || Object.keys(labels.data).length > LABELS_PER_WORKLOAD_MAX) {
    return fail(
      refused("invalid", `a label is not valid, or there are more than ${LABELS_PER_WORKLOAD_MAX}`),
    );
  }
  return ok({ workload, labels: labels.data, hash });
}

function tokenRefused(fault: TokenFault): AgentRefusal {
  const remedy = "make a new one with `ringwall token create`";
  switch (fault) {
    case "unknown":
      return refused("unauthenticated", `the enrolment token is not one of this controller's; ${remedy}`);
    case "expired":
      return refused("unauthenticated", `the enrolment token has expired; ${remedy}`);
    case "used":
      return refused(
        "unauthenticated",
        `the enrolment token was used already, as often as it may be; ${remedy}`,
      );
  }
}

function tooManyEnrollments(): AgentRefusal {
  const words = `${ENROLLMENTS_WAITING_MAX} enrolments wait already; try again in a few seconds`;
  return refused("unavailable", words);
}

function revokedMeanwhile(workload: string): string {
  return `the workload \`${workload}\` was enrolled again or forgotten meanwhile; enrol its agent again`;
}

function unknownWorkload(workload: string): AgentRefusal {
  return refused("precondition", `the workload \`${workload}\` is no longer known; enrol its agent again`);
}

function refused(code: AgentRefusal["code"], message: string): AgentRefusal {
  return { code, message };
}
