import type { MessageInitShape } from "@bufbuild/protobuf";
import { ExecAction, type ExecSchema, type TamperingSchema, Verdict } from "@ringwall/protocol/agent";
import type { DeniedExec, ExecFate } from "../exec/denied-execs.ts";
import type { Tampering } from "../exec/tampering.ts";
import type { ExecSighting } from "../identify/identifier.ts";
import { toProcess } from "./process-message.ts";

type ExecMessage = MessageInitShape<typeof ExecSchema>;

const ACTIONS: Readonly<Record<ExecFate, ExecAction>> = {
  ran: ExecAction.UNSPECIFIED,
  refused: ExecAction.REFUSED,
  killed: ExecAction.KILLED,
};

/** A program seen for the first time. `wallOffsetNs` leads from the clock of the boot to the calendar. */
export function execOf(sighting: ExecSighting, wallOffsetNs: bigint): ExecMessage {
  return {
    process: toProcess(sighting.identity),
    parentExe: (sighting.parentExe ?? "").toWellFormed(),
    timeMs: (sighting.timeNs + wallOffsetNs) / 1_000_000n,
  };
}

/** A program that no `run` rule allows. */
export function deniedExecOf(denied: DeniedExec, wallOffsetNs: bigint): ExecMessage {
  return {
    ...execOf(denied, wallOffsetNs),
    verdict: denied.fate === "ran" ? Verdict.WOULD_BLOCK : Verdict.BLOCKED,
    alert: denied.alert,
    rule: denied.rule,
    action: ACTIONS[denied.fate],
    count: BigInt(denied.count),
  };
}

export function tamperingOf(one: Tampering, wallOffsetNs: bigint): MessageInitShape<typeof TamperingSchema> {
  return {
    path: one.path.toWellFormed(),
    sha256Before: one.sha256Before,
    sha256After: one.sha256After ?? "",
    ...(one.process === null ? {} : { process: toProcess(one.process) }),
    refused: one.refused,
    inMemory: one.inMemory ?? false,
    timeMs: (one.timeNs + wallOffsetNs) / 1_000_000n,
  };
}
