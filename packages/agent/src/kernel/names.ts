/** From the kernel's numbers to names. */
import {
  direction,
  eventType,
  flowState,
  level,
  lsmAct,
  mode,
  proofFault,
  reason,
  taskFlag,
  verdict,
} from "./generated/layout.ts";

function inverse<Name extends string>(numbers: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> {
  // Object.entries widens the names to string; they are the object's own keys.
  return new Map((Object.entries(numbers) as [Name, number][]).map(([name, value]) => [value, name]));
}

function named<Name extends string>(what: string, names: ReadonlyMap<number, Name>): (value: number) => Name {
  return (value) => {
    const name = names.get(value);
    if (name === undefined)
      throw new Error(`the kernel programs sent ${what} ${value}, which this agent does not know`);
    return name;
  };
}

export const directionName = named("direction", inverse(direction));
export const eventTypeName = named("event type", inverse(eventType));
export const flowStateName = named("flow state", inverse(flowState));
export const levelName = named("level", inverse(level));
export const lsmActName = named("act", inverse(lsmAct));
export const modeName = named("mode", inverse(mode));
export const proofFaultName = named("proof fault", inverse(proofFault));
export const reasonName = named("reason", inverse(reason));
export const verdictName = named("verdict", inverse(verdict));

export interface TaskFlags {
  readonly pending: boolean;
  readonly agent: boolean;
  readonly unattributable: boolean;
  readonly injected: boolean;
}

export function decodeTaskFlags(flags: number): TaskFlags {
  return {
    pending: (flags & taskFlag.pending) !== 0,
    agent: (flags & taskFlag.agent) !== 0,
    unattributable: (flags & taskFlag.unattributable) !== 0,
    injected: (flags & taskFlag.injected) !== 0,
  };
}

export function encodeTaskFlags(flags: Partial<TaskFlags>): number {
  return (
    (flags.pending ? taskFlag.pending : 0) |
    (flags.agent ? taskFlag.agent : 0) |
    (flags.unattributable ? taskFlag.unattributable : 0) |
    (flags.injected ? taskFlag.injected : 0)
  );
}

/** A policy key's peer for whoever waits for others: what the most welcome of all peers would meet. */
export const SOMEBODY = 0xfffffffe;
