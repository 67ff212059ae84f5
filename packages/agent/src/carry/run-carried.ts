import { readlink } from "node:fs/promises";
import { join } from "node:path";
import { formatProblem, type Problem } from "@ringwall/model";
import { agentError } from "../agent-error.ts";
import type { AgentOptions } from "../agent-options.ts";
import { CARRIED_ADDRESSES_MAX } from "../kernel/carrying.ts";
import type { Kernel } from "../kernel/contract.ts";
import { attachDevices } from "../kernel-instance.ts";
import type { LocalAddress } from "../observe/addresses.ts";
import type { KnownListener } from "../observe/listeners.ts";
import { every } from "../periodic.ts";
import {
  type Credentials,
  type Enrolment,
  loadCredentials,
  saveCredentials,
} from "../session/credentials.ts";
import { enrolCarried } from "../session/enrol.ts";
import { explainFailure } from "../session/failure.ts";
import { tellStatus } from "../tell-status.ts";
import { VERSION } from "../version.ts";
import type { Agent } from "../wire.ts";
import { wireAgent } from "../wire.ts";
import type { CarriedRegistry } from "./carried-agents.ts";
import type { CarrierParts } from "./carrier.ts";
import { observeAddressesOf, observeDevicesOf, withinLimit } from "./container-addresses.ts";
import { describeWorkload } from "./describe-workload.ts";
import { type FoundContainer, processIn } from "./find-containers.ts";

const ADDRESSES_EVERY_MS = 5000;
/** A container's network may be set up while its first process waits. */
const FIRST_ADDRESSES_EVERY_MS = 250;
const FIRST_ADDRESSES_FOR_MS = 10_000;
/** Milliseconds that a fresh container waits for its first policy once the controller knows it. */
export const FIRST_POLICY_WITHIN_MS = 1000;
const STATUS_LOOK_EVERY_MS = 1000;
const STATUS_EVERY_MS = 15_000;
const SHADOW_EVERY_MS = 2000;
const TAMPER_LOOK_EVERY_MS = 5000;

export type CarriedRun = CarrierParts & {
  readonly found: FoundContainer;
  /** By which the kernel knows it. */
  readonly workload: number;
  readonly stateDir: string;
  readonly registry: CarriedRegistry;
  readonly listeners: () => readonly KnownListener[];
  readonly signal: AbortSignal;
};

/** One container or pod as a workload of its own, until the signal: certificate, policy, reports. */
export async function runCarried(run: CarriedRun): Promise<void> {
  const { found, workload, signal, registry, log } = run;
  const host = run.host();
  const { carrying } = host.kernel;
  const changes = { due: true };
  const place = createPlace(run, () => {
    changes.due = true;
  });
  await place.refresh();
  const { options, enrolment } = await enrolled(run, place.addresses);
  const kernel: Kernel = {
    ...carrying.workload(workload),
    readTasks: () =>
      host.kernel.readTasks().filter(({ cgroupId }) => carrying.workloadOf(cgroupId) === workload),
  };
  const settle = () => carrying.settle(workload);
  let settleIfGoverned = () => {};
  const agent = await wireAgent({
    options,
    enrolment,
    instance: { kernel, book: host.book },
    cgroups: { mount: run.cgroups.mount, scope: found.path },
    log,
    isElsewhere: () => false,
    carried: {
      all: () => [],
      ofWorkload: () => undefined,
      ofContainer: () => undefined,
      meet: () => undefined,
    },
    host: {
      agent: host,
      cgroups: () =>
        new Set(carrying.groups().flatMap((one) => (one.workload === workload ? one.cgroupId : []))),
    },
    onChange: () => {
      changes.due = true;
      settleIfGoverned();
    },
  });
  settleIfGoverned = () => {
    if (agent.governor.state().current !== null) settle();
  };
  registry.add(workload, found.containers, agent);
  const stops = work(agent, run, options, changes, place);
  try {
    await agent.governor.start();
    await agent.shadow.start();
    settleIfGoverned();
    log.info(`carrying \`${options.workload}\``);
    const unsettled = settleWithoutPolicy(agent, settle, signal);
    await agent.session.run(signal);
    await unsettled;
  } finally {
    settle();
    registry.remove(workload);
    agent.governor.stop();
    await agent.execControl.stop();
    await Promise.all(stops.map((stop) => stop()));
    await agent.uploader.settled();
    place.end();
  }
}

/** The controller has nothing for it: nothing that could be waited for. */
async function settleWithoutPolicy(agent: Agent, settle: () => void, signal: AbortSignal): Promise<void> {
  const pause = () => new Promise((resolve) => setTimeout(resolve, FIRST_POLICY_WITHIN_MS).unref());
  while (!signal.aborted && agent.session.client() === null && agent.governor.state().current === null)
    await pause();
  await pause();
  // It may have come, and wait for the disk.
  await agent.governor.settled();
  settle();
}

function work(
  agent: Agent,
  run: CarriedRun,
  options: AgentOptions,
  changes: { due: boolean },
  place: Pick<Place, "refresh" | "problems">,
) {
  const onError = (error: unknown) => run.signal.aborted || run.log.error({ err: error }, "a task failed");
  let told = 0;
  const started = performance.now();
  let looked = 0;
  return [
    every(SHADOW_EVERY_MS, agent.tellShadow, onError),
    every(TAMPER_LOOK_EVERY_MS, agent.lookForTampering, onError),
    every(
      FIRST_ADDRESSES_EVERY_MS,
      async () => {
        const now = performance.now();
        const isNew = now - started < FIRST_ADDRESSES_FOR_MS && options.addresses?.().length === 0;
        if (!isNew && now - looked < ADDRESSES_EVERY_MS) return;
        looked = now;
        await place.refresh();
      },
      onError,
    ),
    every(
      STATUS_LOOK_EVERY_MS,
      async () => {
        if (!changes.due && performance.now() - told < STATUS_EVERY_MS) return;
        changes.due = false;
        told = performance.now();
        await tellStatus(
          agent,
          options,
          run.listeners().filter((one) => one.workload === run.workload),
          place.problems(),
        );
      },
      onError,
    ),
  ];
}

/** Certificate and options of the workload; asks the controller where there is none yet, and where it has expired. */
async function enrolled(
  run: CarriedRun,
  addresses: () => readonly LocalAddress[],
): Promise<{ readonly options: AgentOptions; readonly enrolment: Enrolment }> {
  const { found, stateDir, signal } = run;
  const [first] = found.containers;
  const facts = first === undefined ? undefined : await run.containers(first);
  const { session } = run.host();
  const { name: workload, labels } = describeWorkload(session.credentials().workload, found, facts);
  const enrol = (expired?: Credentials) => {
    const texts = addresses().map(({ text }) => text);
    const request = { workload, labels, addresses: texts, version: VERSION };
    const asked = enrolCarried(session.credentials(), { ...request, ...(expired && { expired }) });
    return expired === undefined ? asked : asked.catch((error) => notEnrolledAgain(workload, error, run));
  };
  const stored = await loadCredentials(stateDir, null).catch(() => null);
  const credentials = stored?.workload === workload ? stored : await enrol();
  if (credentials !== stored) await saveCredentials(stateDir, credentials);
  const { execPaths } = run.options;
  const options = {
    stateDir,
    pinDir: run.options.pinDir,
    cgroup: join(run.cgroups.mount, found.path),
    workload,
    labels,
    addresses,
    ...(execPaths === undefined ? {} : { execPaths }),
    signal,
  };
  return { options, enrolment: { credentials, enrol, enrolsAgain: true } };
}

/** The refusal is the controller's to the host, or to the container. */
function notEnrolledAgain(workload: string, error: unknown, run: CarriedRun): never {
  const { kind, code, message, fix } = explainFailure(error, run.host().session.credentials().controller);
  throw agentError(
    code,
    `the certificate of \`${workload}\` has expired, and its host gets it no other: ${message}`,
    kind === "retry"
      ? fix
      : "enrol the host again if its own has expired too, else start the container again",
    error,
  );
}

type Place = {
  readonly refresh: () => Promise<void>;
  readonly addresses: () => readonly LocalAddress[];
  readonly problems: () => readonly Problem[];
  readonly end: () => void;
};

/** Where it is in the network: its addresses, and the programs at its devices. */
function createPlace(run: CarriedRun, onChange: () => void): Place {
  const { found, options, cgroups, log } = run;
  const { carrying } = run.host().kernel;
  let addresses: readonly LocalAddress[] = [];
  const nameOf = (all: readonly LocalAddress[]) => all.map(({ text }) => text).join(" ");
  let attached = "";
  let problem: Problem | null = null;

  /** Told once for each time that it goes over. */
  function judgeCount(count: number): void {
    const isOver = count > CARRIED_ADDRESSES_MAX;
    if (isOver && problem === null) log.warn(formatProblem(tooManyAddresses(found, count)));
    problem = isOver ? tooManyAddresses(found, count) : null;
  }

  async function refresh(): Promise<void> {
    const pid = await processIn(join(cgroups.mount, found.path));
    if (pid === undefined) return;
    const all = await observeAddressesOf(pid);
    judgeCount(all.length);
    const now = withinLimit(all, addresses);
    const netns = await readlink(`/proc/${pid}/ns/net`).catch(() => "");
    const place = `${netns} ${await observeDevicesOf(pid)} ${nameOf(now)}`;
    // Each time: another that had one of them may have gone.
    for (const { bytes } of now) carrying.setAddress(bytes, found.inode);
    if (place === attached) return;
    for (const { bytes, text } of addresses)
      if (!now.some((one) => one.text === text)) carrying.deleteAddress(bytes, found.inode);
    addresses = now;
    attached = place;
    onChange();
    // One that shares its host's namespace is behind the host's devices.
    if (now.length === 0) return;
    const { pinDir, proveDatagrams } = options;
    await attachDevices(pinDir, { netns: `/proc/${pid}/ns/net`, proveDatagrams }).catch((error: unknown) => {
      attached = "";
      log.warn({ err: error }, "refusals take longer: can't attach to a container's devices");
    });
  }

  return {
    refresh,
    addresses: () => addresses,
    problems: () => (problem === null ? [] : [problem]),
    end: () => {
      for (const { bytes } of addresses) carrying.deleteAddress(bytes, found.inode);
    },
  };
}

function tooManyAddresses({ id }: FoundContainer, count: number): Problem {
  const most = CARRIED_ADDRESSES_MAX;
  return {
    code: "container-addresses",
    severity: "error",
    message: `the container \`${id}\` has ${count} addresses, ${most} of which count: at the others peers do not know it, and the host's policy judges ICMP`,
    fix: `give it ${most} addresses at most, or find out what adds them: it takes CAP_NET_ADMIN in the container`,
  };
}
