/** Opens what the loader pinned. */
import { readFileSync } from "node:fs";
import { kernelCarrying } from "./carrying.ts";
import { readCgroupsInUse } from "./cgroups-in-use.ts";
import type { Capabilities, Kernel } from "./contract.ts";
import { kernelDns } from "./dns.ts";
import { decodeBatch, text } from "./events.ts";
import { kernelExec } from "./exec-maps.ts";
import { createHandOver, drainFlows } from "./flows.ts";
import { counter, decodeMeta } from "./generated/layout.ts";
import { KernelMap, missing, u32 } from "./kernel-map.ts";
import { native } from "./native.ts";
import { forgetVerdicts } from "./past-verdicts.ts";
import { readPause, writePause } from "./pause.ts";
import { readProcTasks } from "./proc-tasks.ts";
import * as processes from "./processes.ts";
import { kernelProof } from "./proof.ts";
import * as shadow from "./shadow.ts";
import { createSlotWriter } from "./slot-writer.ts";
import * as slots from "./slots.ts";

const MAPS = {
  active: "active",
  changed: "changed",
  slots: "slots",
  policies: "policies",
  peers: "peers",
  subjects: "subjects",
  remotes: "remotes",
  proofConfig: "proof_config",
  proofPeers: "proof_peers",
  peerCounts: "peer_counts",
  datagramProofCounts: "datagram_proof_counts",
  proofMutes: "proof_mutes",
  proofNumbers: "proof_numbers",
  resolvers: "resolvers",
  dnsTimes: "dns_times",
  dnsEvents: "dns_events",
  execHeader: "exec_header",
  execVerdicts: "exec_verdicts",
  guarded: "guarded",
  routine: "routine",
  shadow: "shadow",
  differences: "differences",
  executables: "executables",
  tasks: "tasks",
  resolutions: "resolutions",
  identities: "identities",
  listeners: "listeners",
  connections: "connections",
  heartbeat: "heartbeat",
  flowBuffers: "flow_buffers",
  flows0: "flows_0",
  flows1: "flows_1",
  counters: "counters",
  events: "events",
  pause: "pause",
  meta: "meta",
  workloads: "workloads",
  carried: "carried",
  carriedAddresses: "carried_addresses",
} as const;

type Maps = { readonly [Name in keyof typeof MAPS]: KernelMap };
type WorkloadMaps = Maps & { readonly workload: number };

/** The instance pinned at `pinDir`; throws `KernelError` when nothing is pinned there or root is missing. */
export function openKernel(pinDir: string): Kernel {
  const opened = openMaps(pinDir);
  const now = (): bigint => native().bootNs();
  const maps = { ...opened, workload: 0 };
  const handOverFlows = createHandOver(opened);
  const host: Kernel = {
    ...kernelPolicy(maps),
    capabilities: () => readCapabilities(maps.meta),
    carrying: kernelCarrying(opened, (workload) => ({
      ...host,
      ...kernelPolicy({ ...opened, workload }),
      // They belong to the host's agent.
      close: () => undefined,
    })),
    proof: kernelProof(maps),
    dns: kernelDns(maps),
    setExecutable: (file, exeId, interpreter) => processes.setExecutable(maps, file, exeId, interpreter),
    deleteExecutable: (file) => processes.deleteExecutable(maps, file),
    setResolution: (exec, resolution) => processes.setResolution(maps, exec, resolution),
    getResolution: (exec) => processes.getResolution(maps, exec),
    isRunning: (exec) => processes.isRunning(maps, exec),
    sweepResolutions: (graceNs) => processes.sweepResolutions(maps, now() - graceNs),
    setIdentity: (key, identity) => {
      processes.setIdentity(maps, key, identity);
      forgetVerdicts(maps);
    },
    deleteIdentities: (gone) => {
      for (const [identity, key] of gone) {
        processes.deleteIdentity(maps, key);
        maps.proofNumbers.delete(u32(identity));
      }
      forgetVerdicts(maps);
    },
    readCgroupsInUse: () => readCgroupsInUse(maps, pinDir),
    seedTask: (tgid, task) => processes.seedTask(maps, tgid, task),
    markAgent: (tgid) => {
      processes.markAgent(maps, tgid, now());
      // The agent before may have been killed between a change and this.
      forgetVerdicts(maps);
    },
    getTask: (tgid) => processes.getTask(maps, tgid),
    setListener: (proto, port, process, workload = 0) =>
      processes.setListener(maps, proto, port, process, workload),
    deleteListener: (proto, port, workload = 0) => processes.deleteListener(maps, proto, port, workload),
    readPause: () => readPause(maps.pause),
    writePause: (state) => writePause(maps.pause, state),
    readTasks: () => processes.readTasks(pinDir) ?? readProcTasks(scopeOf(readCapabilities(maps.meta))),
    beat: () => beat(maps.heartbeat, now()),
    handOverFlows,
    drainFlows: () => drainFlows(handOverFlows),
    onEvents: (listener) => {
      const { fd, shape } = maps.events;
      const ring = new (native().Ring)(fd, shape.entries, (batch) => listener(decodeBatch(batch)));
      return { close: () => ring.close() };
    },
    counters: () => readCounters(maps.counters),
    bootNs: now,
    close: () => {
      for (const map of Object.values(opened)) map.close();
    },
  };
  return host;
}

function scopeOf({ scopeCgroupId, scopeLevel }: Capabilities) {
  return { cgroupId: scopeCgroupId, level: scopeLevel };
}

/** What each workload has of its own: slots, a draft, verdicts on executions. */
function kernelPolicy(maps: WorkloadMaps) {
  const writer = createSlotWriter(maps);
  /** Also where it failed half-way. */
  function changing<Arguments extends unknown[]>(change: (...given: Arguments) => void) {
    return (...given: Arguments): void => {
      try {
        change(...given);
      } finally {
        forgetVerdicts(maps);
      }
    };
  }
  return {
    liveSlot: () => slots.liveSlot(maps),
    readSlot: (slot) => slots.readSlot(maps, slot),
    writeSlot: (slot, contents) => writer.write(slot, contents).finally(() => forgetVerdicts(maps)),
    switchSlot: changing(writer.switchTo),
    updateSlotHeader: changing((slot, header) => slots.updateSlotHeader(maps, slot, header)),
    addPolicies: changing(writer.addPolicies),
    addSubjects: changing(writer.addSubjects),
    removeSubjects: changing(writer.removeSubjects),
    addRemotes: changing(writer.addRemotes),
    exec: kernelExec(maps),
    startShadow: (untilNs, goesOn) => shadow.startShadow(maps, untilNs, goesOn),
    stopShadow: () => shadow.stopShadow(maps),
    readShadow: () => shadow.readShadow(maps),
    readDifferences: () => shadow.readDifferences(maps),
  } satisfies Partial<Kernel>;
}

function openMaps(pinDir: string): Maps {
  const opened = Object.entries(MAPS).map(
    ([name, file]) => [name, KernelMap.openPinned(pinDir, file)] as const,
  );
  // Object.fromEntries forgets the key names; they are exactly those of MAPS.
  return Object.fromEntries(opened) as Maps;
}

function readCapabilities(map: KernelMap): Capabilities {
  const view = map.get(u32(0));
  if (view === undefined) throw missing("meta", "what the loader wrote");
  const raw = decodeMeta(view);
  return {
    objectSha256: Buffer.from(raw.objectSha256).toString("hex"),
    scopeCgroupId: raw.scopeId,
    scopeLevel: raw.scopeLevel,
    kernelHz: raw.hz,
    refuseWithReset: raw.refuseWithReset !== 0,
    optional: raw.optional
      .map((program) => ({ name: text(program.name), loaded: program.loaded !== 0, why: text(program.why) }))
      .filter((program) => program.name !== ""),
  };
}

function beat(map: KernelMap, nowNs: bigint): void {
  const value = new DataView(new ArrayBuffer(8));
  value.setBigUint64(0, nowNs, true);
  map.set(u32(0), value);
}

function readCounters(map: KernelMap): ReturnType<Kernel["counters"]> {
  cpus ??= possibleCpus();
  const each = cpus;
  const { max: _max, ...names } = counter;
  const totals = Object.entries(names).map(([name, index]) => {
    const values = map.getPerCpu(u32(index), each);
    let total = 0n;
    for (let at = 0; at < values.byteLength; at += 8) total += values.getBigUint64(at, true);
    return [name, total] as const;
  });
  // Object.fromEntries forgets the key names; they are exactly those of `counter` without `max`.
  return Object.fromEntries(totals) as ReturnType<Kernel["counters"]>;
}

/** Fixed while the kernel runs. */
let cpus: number | undefined;

/** CPUs that could ever be there, which per-CPU values are laid out for: `0-3` or `0,2-5`. */
function possibleCpus(): number {
  const ranges = readFileSync("/sys/devices/system/cpu/possible", "utf8").trim().split(",");
  const last = ranges.map((range) => Number(range.split("-").at(-1)));
  return Math.max(...last) + 1;
}
