/** Decodes what the ring delivers: records of {u32 bytes, u32, data}, each padded to 8 bytes. */
import type { ExecEvent, KernelEvent, ProcessRef, TaskState } from "./contract.ts";
import { decodeText } from "./decode-text.ts";
import {
  decodeCgroupEvent,
  decodeDenialEvent,
  decodeEventHeader,
  decodeExecEvent,
  decodeIdentityMissEvent,
  decodeLsmEvent,
  decodeProofEvent,
  decodeUnknownListenerEvent,
  execEventBytes,
  execFlag,
  limit,
  type Process,
  type Task,
} from "./generated/layout.ts";
import {
  decodeTaskFlags,
  directionName,
  eventTypeName,
  lsmActName,
  proofFaultName,
  reasonName,
  verdictName,
} from "./names.ts";

const RECORD_HEADER_BYTES = 8;
const STRINGS_AT = execEventBytes - limit.argumentsBytesMax - limit.environmentBytesMax;

export function decodeBatch(batch: Uint8Array): readonly KernelEvent[] {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  const events: KernelEvent[] = [];
  for (let at = 0; at < batch.byteLength; ) {
    const bytes = view.getUint32(at, true);
    const start = batch.byteOffset + at + RECORD_HEADER_BYTES;
    events.push(decodeEvent(new DataView(batch.buffer, start, bytes)));
    at += RECORD_HEADER_BYTES + Math.ceil(bytes / 8) * 8;
  }
  return events;
}

function decodeEvent(view: DataView): KernelEvent {
  const header = decodeEventHeader(view);
  const base = { timeNs: header.timeNs, tgid: header.tgid };
  const type = eventTypeName(header.type);
  switch (type) {
    case "exec":
      return decodeExec(view);
    case "identityMiss": {
      const raw = decodeIdentityMissEvent(view);
      return { type, ...base, process: toProcessRef(raw.process), comm: text(raw.comm) };
    }
    case "denial": {
      const raw = decodeDenialEvent(view);
      return {
        type,
        ...base,
        process: toProcessRef(raw.process),
        generation: raw.generation,
        identity: raw.identity,
        subject: raw.subject,
        peerClass: raw.peerClass,
        rule: raw.rule,
        address: raw.address.slice(),
        port: raw.port,
        peerPort: raw.peerPort,
        proto: raw.proto,
        direction: directionName(raw.direction),
        verdict: verdictName(raw.verdict),
        reason: reasonName(raw.reason),
      };
    }
    case "unknownListener": {
      const raw = decodeUnknownListenerEvent(view);
      return { type, ...base, address: raw.address.slice(), port: raw.port, proto: raw.proto };
    }
    case "lsm": {
      const raw = decodeLsmEvent(view);
      const { file, exeId } = raw;
      const act = lsmActName(raw.act);
      const process = toProcessRef(raw.process);
      return {
        type,
        ...base,
        file,
        process,
        exeId,
        act,
        refused: raw.refused !== 0,
        filename: text(raw.filename),
      };
    }
    case "proof": {
      const { header: _, fault, isAnswer, source, destination, mac, ...rest } = decodeProofEvent(view);
      return {
        type,
        ...base,
        ...rest,
        // Views into the ring's batch, which is used again.
        source: source.slice(),
        destination: destination.slice(),
        mac: mac.slice(),
        fault: proofFaultName(fault),
        isAnswer: isAnswer !== 0,
      };
    }
    case "cgroup": {
      const { cgroupId, path } = decodeCgroupEvent(view);
      return { type, ...base, cgroupId, path: text(path) };
    }
    default:
      return type satisfies never;
  }
}

/** The record ends with the strings it has, so only the part before them is always there. */
function decodeExec(view: DataView): ExecEvent {
  const whole = new Uint8Array(execEventBytes);
  whole.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  const raw = decodeExecEvent(new DataView(whole.buffer));
  const environmentAt = STRINGS_AT + raw.argumentsBytes;
  return {
    type: "exec",
    timeNs: raw.header.timeNs,
    tgid: raw.header.tgid,
    file: raw.file,
    task: toTaskState(raw.task),
    uid: raw.uid,
    comm: text(raw.comm),
    cwdInode: raw.cwdInode,
    filename: text(raw.filename),
    arguments: strings(whole.subarray(STRINGS_AT, environmentAt)),
    environment: strings(whole.subarray(environmentAt, environmentAt + raw.environmentBytes)),
    argumentsTruncated: (raw.flags & execFlag.argumentsTruncated) !== 0,
    environmentTruncated: (raw.flags & execFlag.environmentTruncated) !== 0,
    argumentsUnreadable: (raw.flags & execFlag.argumentsUnreadable) !== 0,
    userNamespace: (raw.flags & execFlag.userNamespace) !== 0,
    traced: (raw.flags & execFlag.traced) !== 0,
  };
}

export function toTaskState(raw: Task): TaskState {
  const { flags, ...rest } = raw;
  return { ...rest, ...decodeTaskFlags(flags) };
}

export function toProcessRef(raw: Process): ProcessRef {
  const { flags, ...rest } = raw;
  return { ...rest, ...decodeTaskFlags(flags) };
}

/** Up to the first NUL. */
export function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeText(bytes.subarray(0, end === -1 ? undefined : end));
}

/** NUL-separated; the last NUL ends the last string and begins none. */
function strings(bytes: Uint8Array): readonly string[] {
  if (bytes.length === 0) return [];
  const end = bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length;
  return decodeText(bytes.subarray(0, end)).split("\0");
}
