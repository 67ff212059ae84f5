import { release } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import type { AgentOptions } from "./agent-options.ts";
import { cutDenied, cutTools } from "./apply/cut-denied.ts";
import { createEnforcer, type Enforcer } from "./apply/enforcer.ts";
import { createGovernor, type Governor } from "./apply/governor.ts";
import { createShadow, type Shadow } from "./apply/shadow.ts";
import { switchAndDrain } from "./apply/switch-and-drain.ts";
import { describeCapabilities, type ExecGateSupport, provesDatagrams } from "./capabilities.ts";
import type { Driller } from "./drill/driller.ts";
import { wireDriller } from "./drill/wire-driller.ts";
import { openPackageEvidence } from "./evidence/package-evidence.ts";
import type { ExecControl } from "./exec/exec-control.ts";
import { probeExecGate } from "./exec/probe-gate.ts";
import { wireExecControl } from "./exec/wire-exec-control.ts";
import { type CgroupLookup, createCgroupLookup } from "./identify/cgroups.ts";
import { createContainerLookup } from "./identify/containers.ts";
import { createDigester } from "./identify/digest.ts";
import { type DigestCache, openDigestCache } from "./identify/digest-cache.ts";
import type { FileTools } from "./identify/executable-file.ts";
import { createIdentifier, type Identifier } from "./identify/identifier.ts";
import type { IdentityBook } from "./identify/identity-book.ts";
import { createPackageLookup, type PackageEvidence } from "./identify/packages.ts";
import { warmDigests } from "./identify/read-digest.ts";
import { createUserNames } from "./identify/users.ts";
import { namedFiles } from "./identify/warm.ts";
import type { FlowRecord, Kernel } from "./kernel/contract.ts";
import { observeAddresses } from "./observe/addresses.ts";
import { createNameStore } from "./observe/dns/name-store.ts";
import { createNames, type Names } from "./observe/dns/names.ts";
import { readResolvers } from "./observe/dns/resolvers.ts";
import { createLateNames, type LateNames } from "./observe/late-names.ts";
import { createReporter, type PolicyInForce, type Reporter } from "./observe/reporter.ts";
import { onMessage } from "./on-message.ts";
import type { Instance } from "./open-instance.ts";
import type { PauseWatch } from "./pause/pause-watch.ts";
import { wirePause } from "./pause/wire-pause.ts";
import { type MuteListeners, openMuteListeners } from "./proof/mute-listeners.ts";
import { offerNoKeys } from "./proof/offer-no-keys.ts";
import { createProver, KEY_PERIOD_MS, type Prover, type ProverParts } from "./proof/prover.ts";
import type { Enrolment } from "./session/credentials.ts";
import { createSession, type Session } from "./session/session.ts";
import { createShadowSender } from "./session/shadow-sender.ts";
import { openSpool, SPOOL_BYTES_ALWAYS, SPOOL_CROWDED_REPORTS, type Spool } from "./session/spool.ts";
import { createUploader, type Uploader } from "./session/uploader.ts";
import { readBootId, wallNs } from "./state/clocks.ts";
import { VERSION } from "./version.ts";
import { wireIdentitySweep } from "./wire-identity-sweep.ts";

/** What a host's agent has once, for itself and for all that it carries. */
export type Shared = {
  readonly tools: FileTools;
  readonly cgroups: CgroupLookup;
  readonly userName: (uid: number) => string;
};

/** All parts of a running agent, connected: a host's, or those of a workload that a host's agent carries. */
export type Agent = {
  readonly shared: Shared;
  /** Names the rules of the flows that are counted now. */
  readonly namesNow: () => PolicyInForce;
  readonly kernel: Kernel;
  readonly book: IdentityBook;
  readonly digests: DigestCache;
  readonly evidence: PackageEvidence;
  readonly warmUp: (files: Iterable<string>) => Promise<void>;
  readonly identifier: Identifier;
  readonly enforcer: Enforcer;
  readonly governor: Governor;
  readonly reporter: Reporter;
  readonly lateNames: LateNames;
  readonly spool: Spool;
  readonly uploader: Uploader;
  readonly session: Session;
  /** Null where this host gives and asks for no proofs. */
  readonly prover: Prover | null;
  readonly mutes: MuteListeners;
  readonly driller: Driller;
  readonly shadow: Shadow;
  readonly names: Names;
  /** Tells the controller of the shadow, if there is anything new. */
  readonly tellShadow: () => Promise<void>;
  readonly pause: PauseWatch;
  readonly execGate: ExecGateSupport;
  readonly execControl: ExecControl;
  /** Looks whether trusted executables have changed. */
  readonly lookForTampering: () => Promise<void>;
  /** Gives back identities whose control group is gone: a host's, for all that it carries. */
  readonly sweepIdentities: () => Promise<number>;
};

export type WireParts = {
  readonly options: AgentOptions;
  readonly enrolment: Enrolment;
  readonly instance: Instance;
  readonly cgroups: { readonly mount: string; readonly scope: string };
  readonly log: Logger;
  /** Whether a container is a workload of its own, which reports for itself. */
  readonly isElsewhere: (container: string) => boolean;
  /** Agents of what this host carries. */
  readonly carried: CarriedAgents;
  /** The agent that carries this workload; null: it is a host's. */
  readonly host: { readonly agent: Agent; readonly cgroups: () => ReadonlySet<bigint> } | null;
  /** Status has changed and should be told soon. */
  readonly onChange: () => void;
};

export type CarriedAgents = {
  readonly all: () => Iterable<Agent>;
  readonly ofWorkload: (workload: number) => Agent | undefined;
  readonly ofContainer: (container: string | null) => Agent | undefined;
  /** A container was met in a workload: a pod may get new ones. */
  readonly meet: (workload: number, container: string | null) => Agent | undefined;
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
  const { options, enrolment, instance, log } = parts;
  const { workload } = enrolment.credentials;
  const { kernel, book } = instance;
  const { stateDir } = options;
  const host = parts.host?.agent ?? null;
  const execGate = host?.execGate ?? (await probeExecGate());
  const digests = host?.digests ?? openDigestCache(stateDir);
  const bootId = await readBootId();
  /** Whatever has a policy of its own. */
  const judges = () => [{ enforcer, shadow }, ...parts.carried.all()];
  const names =
    host?.names ??
    createNames({
      dns: kernel.dns,
      bootNs: kernel.bootNs,
      readResolvers: () => readResolvers(options.resolvConf),
      store: createNameStore(stateDir, bootId),
      onChange: async () => {
        await Promise.all(
          judges().flatMap((one) => [one.enforcer.namesChanged(), one.shadow.namesChanged()]),
        );
      },
      matters: () => judges().some((one) => one.enforcer.hasNames()),
    });
  const directory = () => (host?.prover ?? prover)?.directory() ?? [];
  const identities = () => ownIdentities(book, parts.host?.cgroups());
  const enforcer = createEnforcer(kernel, identities, directory, names.addresses);
  const wallOffsetNs = () => wallNs() - kernel.bootNs();

  const spool = await openSpool(stateDir, host === null ? {} : { bytesMax: SPOOL_BYTES_ALWAYS });
  // The session exists before its first use: both only call each other once the agent runs.
  const uploader: Uploader = createUploader(
    spool,
    () => session.client(),
    (message) => log.warn(message),
  );
  const evidence = host?.evidence ?? (await openPackageEvidence(stateDir, options));
  const tools = host?.shared.tools ?? {
    digester: createDigester(),
    cache: digests,
    packages: createPackageLookup(options.dpkgDir, evidence),
    clock: { bootNs: kernel.bootNs, wallNs },
  };
  const cgroups = host?.shared.cgroups ?? cgroupLookup(parts.cgroups);
  const userName = host?.shared.userName ?? createUserNames();
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
  const lateNames = createLateNames((process) => identifier.idOf(process));
  const reporter = createReporter({
    kernel,
    lateNames,
    workload,
    processIdentity: book.processIdentity,
    wallOffsetNs,
    nameOf: names.nameOf,
    deniedExecs: exec.denied.take,
    deniedExecsLost: exec.denied.lost,
    tamperings: exec.tampering,
    uploadLosses: uploader.losses,
    handOver: (records, policy) => handOver(parts.carried, records, policy),
    addresses: options.addresses ?? observeAddresses,
    isElsewhere: parts.isElsewhere,
    keep: uploader.add,
    isCrowded: () => spool.size().reports >= SPOOL_CROWDED_REPORTS,
  });
  const warmUp = async (files: Iterable<string>) => {
    await tools.packages.warm();
    await warmDigests(files, tools);
  };
  const identifier =
    host?.identifier ??
    createIdentifier({
      kernel,
      book,
      tools,
      cgroups,
      userName,
      containers: createContainerLookup(),
      admit: async (id, identity, cgroupId) => {
        prover?.met(id, identity);
        const own = parts.carried.meet(kernel.carrying.workloadOf(cgroupId), identity.container);
        // The host's too: it judges where nothing governs the workload.
        const all = own === undefined ? [{ enforcer, shadow }] : [{ enforcer, shadow }, own];
        for (const one of all) one.shadow.admit(id, identity);
        await Promise.all(all.map((one) => one.enforcer.admit(id, identity)));
      },
      onSighting: (sighting) =>
        (parts.carried.ofContainer(sighting.identity.container)?.reporter ?? reporter).sight(sighting),
      onExecuted: async (executed) => {
        const own = parts.carried.ofWorkload(kernel.carrying.workloadOf(executed.cgroupId));
        // Two policies judge it: nothing of it is ever settled for good.
        if (own === undefined) return exec.control.onExec(executed);
        const unsettled = { ...executed, plain: false };
        await Promise.all([exec.control.onExec(unsettled), own.execControl.onExec(unsettled)]);
      },
    });
  const onWarmError = (error: unknown) => log.warn({ err: error }, "files could not be read ahead");
  const clocks = { bootId, bootNs: kernel.bootNs, wallMs: Date.now };
  const onChange = (what: string) => {
    log.info(what);
    parts.onChange();
  };
  const shadow = createShadow({
    stateDir,
    workload,
    kernel,
    clocks,
    identities,
    processIdentity: book.processIdentity,
    liveRule: (id) => enforcer.lowered()?.ruleName(id) ?? "",
    wallOffsetNs,
    names: names.addresses,
    directory,
    onChange,
  });
  const cutting = cutTools(options.pinDir, () => kernel.readTasks().map(({ tgid }) => tgid), {
    onCut: (count) => log.warn(`${count} open connections were cut: the policy denies them`),
    onError: (error) => log.error({ err: error }, "open connections could not be cut"),
  });
  let former: PolicyInForce | null = null;
  const namesNow = () => former ?? namesInForce(enforcer, kernel);
  const governor = await createGovernor({
    stateDir,
    workload,
    clocks,
    capabilities: capabilitiesOf(kernel, execGate),
    inKernel: () => kernel.readSlot(kernel.liveSlot()).generation,
    enforce: async (generation, policy) => {
      let named = namesInForce(enforcer, kernel);
      former = named;
      await switchAndDrain({
        apply: async () => {
          await (policy === null ? enforcer.clear() : enforcer.apply(generation, policy));
          // After a restart: what was counted meanwhile was judged by this very policy.
          if (!named.isLowered && named.generation === generation) named = namesInForce(enforcer, kernel);
          former = named;
        },
        drain: async () => {
          // A host's agent drains for all that it carries.
          const drained = host === null ? reporter.drain(named) : host.reporter.drain(host.namesNow());
          await Promise.all([drained, shadow.carry(named.ruleName)]).finally(() => {
            former = null;
          });
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
    workload,
    kernel,
    client: () => session.client(),
    identities: book.identities,
    admitRemote: async (number, identity) => {
      for (const one of judges()) one.shadow.admitRemote(number, identity);
      await Promise.all(judges().map((one) => one.enforcer.admitRemote(number, identity)));
    },
    mutePorts: mutes.ports,
    datagrams: options.proveDatagrams === true && provesDatagrams(kernel.capabilities()),
    nowMs: Date.now,
    periodMs: options.proofPeriodMs ?? KEY_PERIOD_MS,
    onFault: (message) => log.warn(message),
  });
  const session = createSession({
    stateDir,
    ...enrolment,
    version: VERSION,
    generation: () => governor.state().current?.generation ?? 0n,
    onMessage: (message) =>
      onMessage(message, { governor, shadow, prover, driller, pause: host === null ? pause : null, log }),
    onOpen: () => {
      log.info(`connected to ${session.credentials().controller}`);
      uploader
        .flush()
        .catch((error: unknown) => log.error({ err: error }, "waiting reports could not be sent"));
      // What a host carries is proved by the host's keys.
      if (prover !== null) prover.greet().catch(onProofError);
      else if (host === null) offerNoKeys(session, workload).catch(() => undefined);
      parts.onChange();
    },
    onFailure: ({ message, fix }) => log.warn(`${message}; ${fix}`),
    nowMs: Date.now,
  });
  const pause = host?.pause ?? (await wirePause(parts, exec.control, () => session.client(), userName));
  const mutes = host?.mutes ?? (await openMuteListeners(stateDir));
  const driller = await wireDriller(options, host !== null, { session, enforcer, log });
  const prover = options.proof !== false && host === null ? await createProver(proverParts()) : null;
  return {
    shared: { tools, cgroups, userName },
    namesNow,
    kernel,
    book,
    digests,
    evidence,
    warmUp,
    identifier,
    enforcer,
    governor,
    reporter,
    lateNames,
    spool,
    uploader,
    session,
    prover,
    mutes,
    driller,
    shadow,
    names,
    tellShadow: createShadowSender(shadow.report, session.client),
    pause,
    execGate,
    execControl: exec.control,
    lookForTampering: exec.tampering.look,
    sweepIdentities: wireIdentitySweep({ kernel, book, prover, reporter, judges }, parts.cgroups.mount),
  };
}

/** A carried workload's policy need not know the software of others. */
function* ownIdentities(book: IdentityBook, cgroups?: ReadonlySet<bigint>) {
  for (const entry of book.identities())
    if (cgroups === undefined || cgroups.has(book.cgroupOf(entry[0]) ?? 0n)) yield entry;
}

/** Each carried workload reports what is its own, also where that is nothing but executions. */
async function handOver(
  carried: CarriedAgents,
  records: readonly FlowRecord[],
  host: PolicyInForce,
): Promise<void> {
  const byAgent = Map.groupBy(records, ({ workload }) => carried.ofWorkload(workload));
  for (const agent of carried.all())
    await agent.reporter.pass(byAgent.get(agent) ?? [], agent.namesNow(), host);
}

/** The policy by which flows are named until the next switch. */
export function namesInForce(
  enforcer: Enforcer,
  kernel: Kernel,
): PolicyInForce & { readonly isLowered: boolean } {
  const lowered = enforcer.lowered();
  const { generation } = kernel.readSlot(kernel.liveSlot());
  return { generation, isLowered: lowered !== null, ruleName: (id: number) => lowered?.ruleName(id) ?? "" };
}

function cgroupLookup({ mount, scope }: WireParts["cgroups"]): CgroupLookup {
  return createCgroupLookup(mount, scope === "" ? "/" : join("/", scope));
}

/** The level, and the names of the features that this host has. */
function capabilitiesOf(kernel: Kernel, execGate: ExecGateSupport): ReadonlySet<string> {
  const { level, features } = describeCapabilities(kernel.capabilities(), release(), execGate);
  return new Set([level, ...features.filter((one) => one.available).map((one) => one.name)]);
}
