import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { type DestinationStream, type Logger, pino } from "pino";
import type { AgentOptions } from "./agent-options.ts";
import { createLinkGuard } from "./apply/link-guard.ts";
import { createCarriedAgents } from "./carry/carried-agents.ts";
import { type Carrier, createCarrier } from "./carry/carrier.ts";
import { dispatchEvents } from "./dispatch-events.ts";
import { AFTER_END_MS_MAX, beginEnd, givenUp, giveUp, letEnd, untilGivenUp } from "./end.ts";
import { findScope } from "./find-scope.ts";
import { createContainerLookup } from "./identify/containers.ts";
import { installedInterpreters } from "./identify/warm.ts";
import { attachDevices, loadPrograms, proveListeners } from "./kernel-instance.ts";
import { observeAddresses } from "./observe/addresses.ts";
import { adoptOlder } from "./observe/adopt.ts";
import { followDevices } from "./observe/follow-devices.ts";
import type { KnownListener } from "./observe/listeners.ts";
import { CROWDED_DRAIN_MS, DRAIN_MS } from "./observe/reporter.ts";
import { seedProcesses } from "./observe/seed.ts";
import { openInstance } from "./open-instance.ts";
import { every } from "./periodic.ts";
import { refusePinsInUse } from "./pins-in-use.ts";
import { publicKeys } from "./proof/public-keys.ts";
import { raisePriority } from "./raise-priority.ts";
import { refreshListeners } from "./refresh-listeners.ts";
import { type Credentials, expiryOf, saveCredentials } from "./session/credentials.ts";
import { ensureEnrolled } from "./session/ensure-enrolled.ts";
import { lockState } from "./state/lock.ts";
import { makeFolder } from "./state/make-folder.ts";
import { ownFile } from "./state/own-files.ts";
import { releaseMemory } from "./state/release-memory.ts";
import { createStateGuard, type StateGuard } from "./state/state-guard.ts";
import { tellStatus } from "./tell-status.ts";
import { VERSION } from "./version.ts";
import { type Agent, wireAgent } from "./wire.ts";

const BEAT_EVERY_MS = 1000;
const STATUS_EVERY_MS = 15_000;
const LISTENERS_EVERY_MS = 60_000;
const CONTAINERS_EVERY_MS = 1000;
/** Milliseconds by which a name may outlive its TTL. */
const NAMES_EVERY_MS = 5000;
const RESOLVERS_EVERY_MS = 30_000;
const SHADOW_EVERY_MS = 2000;
const EVIDENCE_EVERY_MS = 1000;
/** Keys, numbers and counts of the proof; a lost connection is told by the session. */
const PROOF_EVERY_MS = 1000;
/** Whether enforcement is paused by hand, or back. */
const PAUSE_LOOK_EVERY_MS = 1000;
const SWEEP_EVERY_MS = 30_000;
/** Longer than flows wait to be told, which two looks are apart for. */
const IDENTITIES_EVERY_MS = 2 * CROWDED_DRAIN_MS;
/** Where no LSM program tells at once. */
const TAMPER_LOOK_EVERY_MS = 5000;
const LINKS_EVERY_MS = 2000;
const STATE_EVERY_MS = 2000;
/** What a start needed has been done by then. */
const RELEASE_AFTER_MS = 10_000;
const RELEASE_EVERY_MS = 600_000;
/** Sockets may outlive the last process of an execution by this much before its answer is dropped. */
const RESOLUTION_GRACE_NS = 60_000_000_000n;

/**
 * Runs the agent until its signal: enrols where needed, loads or adopts the kernel programs, judges, observes and
 * reports. Throws AgentError for what its user can mend (exit code 2). Enforcement stays when it ends, which takes no longer
 * than END_MS_MAX and AFTER_END_MS_MAX together, but where END_PUT_OFF_MS_MAX counts.
 */
export async function runAgentProcess(options: AgentOptions, logTo: DestinationStream): Promise<void> {
  const { signal } = options;
  if (signal.aborted) beginEnd();
  else signal.addEventListener("abort", beginEnd, { once: true });
  try {
    await runToItsEnd(options, logTo);
  } catch (error) {
    const isEnd = givenUp.aborted || (error instanceof Error && error.name === "AbortError");
    if (!signal.aborted || !isEnd) throw error;
  } finally {
    letEnd();
    giveUp();
  }
}

async function runToItsEnd(given: AgentOptions, logTo: DestinationStream): Promise<void> {
  const places = { stateDir: resolve(given.stateDir), pinDir: resolve(given.pinDir) };
  const addresses = given.addresses ?? (() => observeAddresses(given.alsoAt));
  const options = { ...given, ...places, addresses };
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, logTo);
  await makeFolder(options.stateDir, 0o700);
  await lockState(options.stateDir);
  if (!raisePriority())
    log.warn("no right to raise the agent's priority: it answers later on a busy machine");
  await refusePinsInUse(options.stateDir, options.pinDir);
  const cgroups = await findScope(options.cgroup);
  const enrolment = await ensureEnrolled({
    options,
    hostName: nameOfHost(hostname()),
    addresses: () => options.addresses().map((address) => address.text),
    version: VERSION,
    ...(options.proof === false ? {} : { proofKeys: () => publicKeys(options.stateDir, Date.now()) }),
    nowMs: Date.now,
    onWaiting: ({ message }) => log.warn(`waiting to enrol: ${message}`),
    onUnusable: (why) => log.error(`going on without the controller: ${why}`),
    onEnrolledAgain: (how) => log.info(how),
  });
  const instance = await openInstance(
    options.stateDir,
    options.pinDir,
    options.cgroup,
    (message) => log.warn(message),
    options,
  );
  const changes = { due: true };
  const onChange = () => {
    changes.due = true;
  };
  const registry = createCarriedAgents();
  const agent = await wireAgent({
    options,
    enrolment,
    instance,
    cgroups,
    log,
    onChange,
    isElsewhere: (container) => registry.ofContainer(container) !== undefined,
    carried: registry,
    host: null,
  });
  let listeners: readonly KnownListener[] = [];
  const carrier =
    options.containers === true
      ? createCarrier({
          options,
          cgroups,
          host: () => agent,
          containers: createContainerLookup(),
          registry,
          listeners: () => listeners,
          log,
        })
      : undefined;
  const known = {
    get: () => listeners,
    set: (found: readonly KnownListener[]) => {
      listeners = found;
    },
  };
  await work(agent, options, changes, log, carrier, known);
}

async function work(
  agent: Agent,
  options: AgentOptions,
  changes: { due: boolean },
  log: Logger,
  carrier: Carrier | undefined,
  listeners: {
    readonly get: () => readonly KnownListener[];
    readonly set: (found: readonly KnownListener[]) => void;
  },
): Promise<void> {
  const { kernel, governor, identifier } = agent;
  let ending = false;
  let isReady = false;
  // What is still under way at the end finds the kernel's maps closed; the next agent does it again.
  const onError = (error: unknown) => ending || log.error({ err: error }, "a task failed");
  kernel.beat();
  kernel.markAgent(process.pid);
  const stream = kernel.onEvents((events) => dispatchEvents(events, agent, carrier, onError));
  const packets = kernel.dns.onPackets((seen) => void agent.names.take(seen).catch(onError));
  // From the beginning: those that come while the agent is starting as well.
  const devices = followDevices(() => attachDevices(options.pinDir, options), onError);
  const stops = [devices.close, every(BEAT_EVERY_MS, kernel.beat, onError)];

  async function judge(): Promise<void> {
    await agent.names.start();
    await governor.start();
    letEnd();
    await agent.shadow.start().catch(onError);
    if (carrier === undefined) await kernel.carrying.end();
    else {
      kernel.carrying.begin();
      if (!ending) await carrier.look().catch(onError);
    }
    await agent.warmUp(await installedInterpreters());
    const seeded = await seedProcesses(kernel, identifier);
    // What was forked by a process that had no entry yet while the others were looked at.
    await seedProcesses(kernel, identifier);
    listeners.set(await refreshListeners(agent));
    // Programs that were just loaded saw none of them begin.
    if (agent.book.isNew) {
      const proving = await proveListeners(options.pinDir).catch((error: unknown) => {
        onError(error);
        return new Set<number>();
      });
      await agent.mutes.begin(listeners.get().filter(({ port }) => !proving.has(port)));
    }
    if (governor.state().current === null) agent.reporter.firstLook();
    const adopt = () => adoptOlder(options.pinDir, tgidsOf(kernel));
    await adopt().catch(onError);
    if (ending) return;
    log.info(
      `judging for ${agent.session.credentials().workload}: ${seeded} processes and ${listeners.get().length} listeners found`,
    );
    isReady = true;
    options.onReady?.();
    const guard = createLinkGuard({
      pinDir: options.pinDir,
      load: async () => {
        for (const problem of await loadPrograms(options.pinDir, options.cgroup, options)) log.warn(problem);
      },
      nowMs: Date.now,
      onRemoved: (message) => {
        log.error(message);
        changes.due = true;
      },
    });
    const files = guardState(agent, options.stateDir, (message) => {
      log.error(message);
      changes.due = true;
    });
    const release = setTimeout(releaseMemory, RELEASE_AFTER_MS);
    let told = 0;
    stops.push(
      async () => clearTimeout(release),
      every(RELEASE_EVERY_MS, releaseMemory, onError),
      every(DRAIN_MS, () => agent.reporter.drainIfDue(agent.namesNow), onError),
      every(LINKS_EVERY_MS, guard.look, onError),
      every(STATE_EVERY_MS, files.look, onError),
      every(NAMES_EVERY_MS, agent.names.expire, onError),
      every(RESOLVERS_EVERY_MS, agent.names.refreshResolvers, onError),
      ...(carrier === undefined ? [] : [every(CONTAINERS_EVERY_MS, carrier.look, onError)]),
      every(SHADOW_EVERY_MS, agent.tellShadow, onError),
      // While dpkg is still unpacking, so that the answer is there when the program starts.
      every(EVIDENCE_EVERY_MS, agent.evidence.settle, onError),
      every(PROOF_EVERY_MS, () => agent.prover?.tick().catch(() => undefined), onError),
      every(PAUSE_LOOK_EVERY_MS, agent.pause.look, onError),
      every(TAMPER_LOOK_EVERY_MS, agent.lookForTampering, onError),
      every(SWEEP_EVERY_MS, () => kernel.sweepResolutions(RESOLUTION_GRACE_NS), onError),
      every(options.identitiesEveryMs ?? IDENTITIES_EVERY_MS, agent.sweepIdentities, onError),
      every(
        LISTENERS_EVERY_MS,
        async () => {
          listeners.set(await refreshListeners(agent));
          agent.mutes.refresh(listeners.get());
          // Those whose process was not known at the start.
          await adopt();
        },
        onError,
      ),
      every(
        1000,
        async () => {
          if (!changes.due && performance.now() - told < STATUS_EVERY_MS) return;
          changes.due = false;
          told = performance.now();
          await tellStatus(
            agent,
            options,
            listeners.get().filter((one) => one.workload === 0),
            [...guard.problems(), ...files.problems()],
          );
        },
        onError,
      ),
    );
    await agent.session.run(options.signal);
  }

  async function settle(): Promise<void> {
    // Before that not all are there yet whom it is to be told of: the next agent does it.
    if (isReady)
      await agent.reporter
        .drain(agent.namesNow())
        .catch((error: unknown) => log.warn({ err: error }, "what was seen last could not be written down"));
    await carrier?.stop();
    await agent.driller.stop();
    await agent.execControl.stop();
    agent.shared.tools.digester.stop();
    await Promise.all(stops.map((stop) => stop()));
    await tellStatus(agent, options, []).catch(onError);
    await agent.uploader.settled();
    await agent.digests.compact().catch(onError);
    await governor.settled();
  }

  try {
    await untilGivenUp(judge(), 0);
  } finally {
    ending = true;
    letEnd();
    beginEnd();
    stream.close();
    packets.close();
    governor.stop();
    await untilGivenUp(settle(), AFTER_END_MS_MAX);
    kernel.close();
  }
}

/** What the next agent goes by. Keys of the proof are made anew, and what else stands there comes from the controller. */
function guardState(agent: Agent, stateDir: string, onEdited: (message: string) => void): StateGuard {
  const files = {
    "policy.json": agent.governor.save,
    "identities.ndjson": agent.book.rewrite,
    "digests.txt": agent.digests.compact,
    "identity/credentials.json": () => putBackCredentials(stateDir, agent.session.credentials()),
  };
  const guarded = Object.entries(files).map(([name, restore]) => ({ path: join(stateDir, name), restore }));
  return createStateGuard(guarded, Date.now, onEdited);
}

/** Lost ones are nothing to put back: those that come belong there. */
async function putBackCredentials(stateDir: string, credentials: Credentials): Promise<void> {
  if (expiryOf(credentials) === undefined) ownFile(join(stateDir, "identity/credentials.json"));
  else await saveCredentials(stateDir, credentials);
}

function tgidsOf(kernel: Agent["kernel"]): readonly number[] {
  return kernel.readTasks().map(({ tgid }) => tgid);
}

/** The host's name as a workload's: what names may not hold becomes `-`. */
function nameOfHost(host: string): string {
  const name = host.replace(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return name === "" ? "this-host" : name;
}
