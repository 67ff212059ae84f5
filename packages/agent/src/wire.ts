import { release } from "node:os";
import { join } from "node:path";
import type { ControllerMessage } from "@ringwall/protocol/agent";
import type { Logger } from "pino";
import type { AgentOptions } from "./agent-options.ts";
import { cutDenied, cutTools } from "./apply/cut-denied.ts";
import { createEnforcer, type Enforcer } from "./apply/enforcer.ts";
import { createGovernor, type Governor } from "./apply/governor.ts";
import { createShadow, type Shadow } from "./apply/shadow.ts";
import { switchAndDrain } from "./apply/switch-and-drain.ts";
import { describeCapabilities, type ExecGateSupport } from "./capabilities.ts";
import { openPackageEvidence } from "./evidence/package-evidence.ts";
import type { ExecControl } from "./exec/exec-control.ts";
import { probeExecGate } from "./exec/probe-gate.ts";
import { wireExecControl } from "./exec/wire-exec-control.ts";
import { type CgroupLookup, createCgroupLookup } from "./identify/cgroups.ts";
import { createContainerLookup } from "./identify/containers.ts";
import { createDigester } from "./identify/digest.ts";
import { type DigestCache, openDigestCache } from "./identify/digest-cache.ts";
import { createIdentifier, type Identifier } from "./identify/identifier.ts";
import type { IdentityBook } from "./identify/identity-book.ts";
import { createPackageLookup, type PackageEvidence } from "./identify/packages.ts";
import { warmDigests } from "./identify/read-digest.ts";
import { createUserNames } from "./identify/users.ts";
import { namedFiles } from "./identify/warm.ts";
import type { Kernel } from "./kernel/contract.ts";
import { observeAddresses } from "./observe/addresses.ts";
import { createNameStore } from "./observe/dns/name-store.ts";
import { createNames, type Names } from "./observe/dns/names.ts";
import { readResolvers } from "./observe/dns/resolvers.ts";
import { createReporter, type Reporter } from "./observe/reporter.ts";
import type { Instance } from "./open-instance.ts";
import { type MuteListeners, openMuteListeners } from "./proof/mute-listeners.ts";
import { createProver, KEY_PERIOD_MS, type Prover, type ProverParts } from "./proof/prover.ts";
import { CALL_TIMEOUT_MS } from "./session/client.ts";
import type { Credentials } from "./session/credentials.ts";
import { createSession, type Session } from "./session/session.ts";
import { createShadowSender } from "./session/shadow-sender.ts";
import { openSpool, SPOOL_CROWDED_REPORTS, type Spool } from "./session/spool.ts";
import { createUploader, type Uploader } from "./session/uploader.ts";
import { readBootId, wallNs } from "./state/clocks.ts";
import { VERSION } from "./version.ts";

/** All parts of a running agent, connected. */
export type Agent = {
  readonly kernel: Kernel;
  readonly book: IdentityBook;
  readonly digests: DigestCache;
  readonly evidence: PackageEvidence;
  readonly warmUp: (files: Iterable<string>) => Promise<void>;
  readonly identifier: Identifier;
  readonly enforcer: Enforcer;
  readonly governor: Governor;
  readonly reporter: Reporter;
  readonly spool: Spool;
  readonly uploader: Uploader;
  readonly session: Session;
  /** Null where this host gives and asks for no proofs. */
  readonly prover: Prover | null;
  readonly mutes: MuteListeners;
  readonly shadow: Shadow;
  readonly names: Names;
  /** Tells the controller of the shadow, if there is anything new. */
  readonly tellShadow: () => Promise<void>;
  readonly execGate: ExecGateSupport;
  readonly execControl: ExecControl;
  /** Looks whether trusted executables have changed. */
  readonly lookForTampering: () => Promise<void>;
};

export type WireParts = {
  readonly options: AgentOptions;
  readonly credentials: Credentials;
  readonly instance: Instance;
  readonly cgroups: { readonly mount: string; readonly scope: string };
  readonly log: Logger;
  /** Whether a container is a workload of its own, which reports for itself. */
  readonly isElsewhere: (container: string) => boolean;
  /** Status has changed and should be told soon. */
  readonly onChange: () => void;
};

/**
 * The one place where the parts meet:
 *
 *   kernel events ─► identifier ─► enforcer.admit ─► kernel maps (classes, identities, answers)
 *                        └─► reporter.sight ─┐
 *   kernel flows ──► reporter.drain ─────────┴─► uploader ─► session ─► controller
 *                                                   └─ spool (disk)        │
 *   kernel slots ◄── enforcer.apply ◄── governor (accept, confirm, revert) ◄┘ policy, confirm
 */
export async function wireAgent(parts: WireParts): Promise<Agent> {
  const { options, credentials, instance, log } = parts;
  const { kernel, book } = instance;
  const { stateDir } = options;
  const execGate = await probeExecGate();
  const digests = openDigestCache(stateDir);
  const bootId = await readBootId();
  const names = createNames({
    dns: kernel.dns,
    bootNs: kernel.bootNs,
    readResolvers: () => readResolvers(),
    store: createNameStore(stateDir, bootId),
    onChange: async () => {
      await Promise.all([enforcer.namesChanged(), shadow.namesChanged()]);
    },
    matters: () => enforcer.hasNames(),
  });
  const enforcer = createEnforcer(kernel, book.identities, () => prover?.directory() ?? [], names.addresses);
  const wallOffsetNs = () => wallNs() - kernel.bootNs();

  const spool = await openSpool(stateDir);
  // The session exists before its first use: both only call each other once the agent runs.
  const uploader: Uploader = createUploader(
    spool,
    () => session.client(),
    (message) => log.warn(message),
  );
  const evidence = await openPackageEvidence(stateDir, options.aptConfig);
  const tools = {
    digestOf: createDigester(),
    cache: digests,
    packages: createPackageLookup(options.dpkgDir, evidence),
    clock: { bootNs: kernel.bootNs, wallNs },
  };
  const cgroups = cgroupLookup(parts.cgroups, options.hostScope);
  const userName = createUserNames();
  const exec = wireExecControl({
    kernel,
    book,
    tools,
    cgroups,
    userName,
    identityOf: (process) => identifier.identityOf(process),
    isElsewhere: parts.isElsewhere,
    scope: parts.cgroups.scope,
    paths: options.execPaths,
    gate: execGate,
    onProblem: (message) => log.warn(message),
  });
  const reporter = createReporter({
    kernel,
    workload: credentials.workload,
    processIdentity: book.processIdentity,
    wallOffsetNs,
    nameOf: names.nameOf,
    deniedExecs: exec.denied.take,
    deniedExecsLost: exec.denied.lost,
    tamperings: exec.tampering,
    uploadLosses: uploader.losses,
    addresses: options.addresses ?? observeAddresses,
    isElsewhere: parts.isElsewhere,
    keep: uploader.add,
    isCrowded: () => spool.size().reports >= SPOOL_CROWDED_REPORTS,
  });
  const warmUp = async (files: Iterable<string>) => {
    await tools.packages.warm();
    await warmDigests(files, tools);
  };
  const identifier = createIdentifier({
    kernel,
    book,
    tools,
    cgroups,
    userName,
    containers: createContainerLookup(),
    admit: (id, identity) => {
      shadow.admit(id, identity);
      prover?.met(id, identity);
      return enforcer.admit(id, identity);
    },
    onSighting: reporter.sight,
    onExecuted: exec.control.onExec,
  });
  const onWarmError = (error: unknown) => log.warn({ err: error }, "files could not be read ahead");
  const clocks = { bootId, bootNs: kernel.bootNs, wallMs: Date.now };
  const onChange = (what: string) => {
    log.info(what);
    parts.onChange();
  };
  const shadow = createShadow({
    stateDir,
    workload: credentials.workload,
    kernel,
    clocks,
    identities: book.identities,
    processIdentity: book.processIdentity,
    liveRule: (id) => enforcer.lowered()?.ruleName(id) ?? "",
    wallOffsetNs,
    names: names.addresses,
    directory: () => prover?.directory() ?? [],
    onChange,
  });
  const cutting = cutTools(options.pinDir, () => (kernel.readTasks() ?? []).map(({ tgid }) => tgid), {
    onCut: (count) => log.warn(`${count} open connections were cut: the policy denies them`),
    onError: (error) => log.error({ err: error }, "open connections could not be cut"),
  });
  const governor = await createGovernor({
    stateDir,
    workload: credentials.workload,
    clocks,
    capabilities: capabilitiesOf(kernel, execGate),
    enforce: async (generation, policy) => {
      let named = namesInForce(enforcer, kernel);
      await switchAndDrain({
        apply: async () => {
          await (policy === null ? enforcer.clear() : enforcer.apply(generation, policy));
          // After a restart: what was counted meanwhile was judged by this very policy.
          if (!named.isLowered && named.generation === generation) named = namesInForce(enforcer, kernel);
        },
        drain: async () => {
          await Promise.all([reporter.drain(named), shadow.carry(named.ruleName)]);
        },
        onDrainError: (error) => log.error({ err: error }, "flows of the former policy could not be drained"),
      });
      names.policyChanged();
      await exec.control.setPolicy(policy);
      if (policy !== null) warmUp(namedFiles(policy)).catch(onWarmError);
      if (policy?.established === "cut") await cutDenied(cutting);
    },
    onChange,
  });
  const onProofError = (error: unknown) =>
    log.warn({ err: error }, "the controller did not take this host's part of the proof");
  const proverParts = (): ProverParts => ({
    stateDir,
    workload: credentials.workload,
    kernel,
    client: () => session.client(),
    identities: book.identities,
    admitRemote: (number, identity) => {
      shadow.admitRemote(number, identity);
      return enforcer.admitRemote(number, identity);
    },
    mutePorts: mutes.ports,
    nowMs: Date.now,
    periodMs: options.proofPeriodMs ?? KEY_PERIOD_MS,
    onFault: (message) => log.warn(message),
  });
  const session = createSession({
    stateDir,
    credentials,
    version: VERSION,
    generation: () => governor.state().current?.generation ?? 0n,
    onMessage: (message) => onMessage(message, { governor, shadow, prover, log }),
    onOpen: () => {
      log.info(`connected to ${credentials.controller}`);
      uploader
        .flush()
        .catch((error: unknown) => log.error({ err: error }, "waiting reports could not be sent"));
      if (prover === null) offerNoKeys(session, credentials.workload).catch(() => undefined);
      else prover.greet().catch(onProofError);
      parts.onChange();
    },
    onFailure: ({ message, fix }) => log.warn(`${message}; ${fix}`),
    nowMs: Date.now,
  });
  const mutes = await openMuteListeners(stateDir);
  const prover = options.proof !== false ? await createProver(proverParts()) : null;
  return {
    kernel,
    book,
    digests,
    evidence,
    warmUp,
    identifier,
    enforcer,
    governor,
    reporter,
    spool,
    uploader,
    session,
    prover,
    mutes,
    shadow,
    names,
    tellShadow: createShadowSender(shadow.report, session.client),
    execGate,
    execControl: exec.control,
    lookForTampering: exec.tampering.look,
  };
}

/** A host that proves nothing (any more) says so, or its peers would expect proofs for ever. An older controller can't. */
async function offerNoKeys(session: Session, workload: string): Promise<void> {
  await session.client()?.service.offerProofKey({ workload, keys: [] }, { timeoutMs: CALL_TIMEOUT_MS });
}

/** The policy by which flows are named until the next switch. */
export function namesInForce(enforcer: Enforcer, kernel: Kernel) {
  const lowered = enforcer.lowered();
  const { generation } = kernel.readSlot(kernel.liveSlot());
  return { generation, isLowered: lowered !== null, ruleName: (id: number) => lowered?.ruleName(id) ?? "" };
}

function cgroupLookup({ mount, scope }: WireParts["cgroups"], hostScope = scope): CgroupLookup {
  const rooted = (path: string) => (path === "" ? "/" : join("/", path));
  return createCgroupLookup(mount, rooted(scope), rooted(hostScope));
}

/** The level, and the names of the features that this host has. */
function capabilitiesOf(kernel: Kernel, execGate: ExecGateSupport): ReadonlySet<string> {
  const { level, features } = describeCapabilities(kernel.capabilities(), release(), execGate);
  return new Set([level, ...features.filter((one) => one.available).map((one) => one.name)]);
}

type Listeners = {
  readonly governor: Governor;
  readonly shadow: Shadow;
  readonly prover: Prover | null;
  readonly log: Logger;
};

async function onMessage(
  message: ControllerMessage["message"],
  { governor, shadow, prover, log }: Listeners,
): Promise<void> {
  switch (message.case) {
    case "policy": {
      const { generation, hostPolicy, digest, confirmWithinSeconds } = message.value;
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
    case "shadowStop":
      return shadow.end(message.value.run);
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
