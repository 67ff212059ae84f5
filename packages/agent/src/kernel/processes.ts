/** Processes, executables and identities: what the agent tells the kernel, and what it reads back. */
import { readFileSync } from "node:fs";
import type {
  ExecKey,
  FileKey,
  IdentityKey,
  ProcessRef,
  Resolution,
  TaskRecord,
  TaskState,
} from "./contract.ts";
import { text, toTaskState } from "./events.ts";
import {
  decodeExecKey,
  decodeResolution,
  decodeTask,
  decodeTaskRecord,
  encodeExecKey,
  encodeExecutable,
  encodeFileKey,
  encodeIdentityKey,
  encodeListenerKey,
  encodeProcess,
  encodeResolution,
  encodeTask,
  execKeyBytes,
  executableBytes,
  executableFlag,
  fileKeyBytes,
  identityKeyBytes,
  listenerKeyBytes,
  processBytes,
  resolutionBytes,
  taskBytes,
  taskFlag,
  taskRecordBytes,
} from "./generated/layout.ts";
import { type KernelMap, room, u32 } from "./kernel-map.ts";
import { encodeTaskFlags } from "./names.ts";

export interface ProcessMaps {
  readonly executables: KernelMap;
  readonly tasks: KernelMap;
  readonly resolutions: KernelMap;
  readonly identities: KernelMap;
  readonly listeners: KernelMap;
}

export function setExecutable(maps: ProcessMaps, file: FileKey, exeId: number, interpreter: boolean): void {
  const value = room(executableBytes);
  encodeExecutable(value, { exeId, flags: interpreter ? executableFlag.interpreter : 0 });
  maps.executables.set(fileKey(file), value);
}

export function deleteExecutable(maps: ProcessMaps, file: FileKey): void {
  maps.executables.delete(fileKey(file));
}

export function setResolution(maps: ProcessMaps, exec: ExecKey, resolution: Resolution): void {
  const { exeId, scriptId, unattributable } = resolution;
  const value = room(resolutionBytes);
  encodeResolution(value, { exeId, scriptId, flags: encodeTaskFlags({ unattributable }) });
  maps.resolutions.set(execKey(exec), value);
}

export function getResolution(maps: ProcessMaps, exec: ExecKey): Resolution | undefined {
  const value = maps.resolutions.get(execKey(exec));
  if (value === undefined) return undefined;
  const { exeId, scriptId, flags } = decodeResolution(value);
  return { exeId, scriptId, unattributable: (flags & taskFlag.unattributable) !== 0 };
}

/** The executions of all processes, by name. */
function* executionsOf(maps: ProcessMaps): Generator<string> {
  for (const key of maps.tasks.keys()) {
    const task = maps.tasks.get(key);
    if (task !== undefined) yield nameOf(decodeTask(task));
  }
}

export function isRunning(maps: ProcessMaps, exec: ExecKey): boolean {
  return executionsOf(maps).some((name) => name === nameOf(exec));
}

/** An answer is needed while a process of its execve lives, and somewhat longer by sockets it handed on. */
export function sweepResolutions(maps: ProcessMaps, olderThanNs: bigint): number {
  const living = new Set(executionsOf(maps));
  const dead = [...maps.resolutions.keys()].filter((view) => {
    const key = decodeExecKey(view);
    return key.execNs < olderThanNs && !living.has(nameOf(key));
  });
  return dead.filter((key) => maps.resolutions.delete(key)).length;
}

export function setIdentity(maps: ProcessMaps, key: IdentityKey, identity: number): void {
  const view = room(identityKeyBytes);
  encodeIdentityKey(view, key);
  maps.identities.set(view, u32(identity));
}

export function deleteIdentity(maps: ProcessMaps, key: IdentityKey): void {
  const view = room(identityKeyBytes);
  encodeIdentityKey(view, key);
  maps.identities.delete(view);
}

export function seedTask(maps: ProcessMaps, tgid: number, task: TaskState): boolean {
  return maps.tasks.add(u32(tgid), encodedTask(task));
}

export function getTask(maps: ProcessMaps, tgid: number): TaskState | undefined {
  const value = maps.tasks.get(u32(tgid));
  return value === undefined ? undefined : toTaskState(decodeTask(value));
}

/** Only the agent marks itself, so nothing else writes this entry meanwhile. */
export function markAgent(maps: ProcessMaps, tgid: number, nowNs: bigint): void {
  const known = getTask(maps, tgid);
  const unknown = { execNs: nowNs, execTgid: tgid, cgroupId: 0n, exeId: 0, scriptId: 0, ppid: 0 };
  const task = { ...(known ?? { ...unknown, unattributable: false }), pending: false, agent: true };
  maps.tasks.set(u32(tgid), encodedTask(task));
}

export function setListener(
  maps: ProcessMaps,
  proto: number,
  port: number,
  process: ProcessRef,
  workload: number,
): void {
  const value = room(processBytes);
  encodeProcess(value, { ...process, flags: encodeTaskFlags(process) });
  maps.listeners.set(listenerKey(proto, port, workload), value);
}

export function deleteListener(maps: ProcessMaps, proto: number, port: number, workload: number): void {
  maps.listeners.delete(listenerKey(proto, port, workload));
}

/** Reads the pinned iterator: reading it runs the program over all tasks. */
export function readTasks(pinDir: string): readonly TaskRecord[] | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(`${pinDir}/iter/dump_tasks`);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw cause;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / taskRecordBytes) }, (_, i) => {
    const { comm, startNs, ...raw } = decodeTaskRecord(view, i * taskRecordBytes);
    return { ...raw, timeNs: startNs, comm: text(comm) };
  });
}

function encodedTask(task: TaskState): DataView {
  const value = room(taskBytes);
  encodeTask(value, { ...task, flags: encodeTaskFlags(task) });
  return value;
}

function fileKey(file: FileKey): DataView {
  const view = room(fileKeyBytes);
  encodeFileKey(view, file);
  return view;
}

function execKey(exec: ExecKey): DataView {
  const view = room(execKeyBytes);
  encodeExecKey(view, exec);
  return view;
}

function listenerKey(proto: number, port: number, workload: number): DataView {
  const view = room(listenerKeyBytes);
  encodeListenerKey(view, { port, proto, workload });
  return view;
}

function nameOf(key: ExecKey): string {
  return `${key.execNs}/${key.execTgid}`;
}
