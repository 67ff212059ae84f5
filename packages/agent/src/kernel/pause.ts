/** Break-glass: until when nothing is refused. The programs look at the deadline themselves. */
import { decodePause, encodePause, pauseBytes } from "./generated/layout.ts";
import { type KernelMap, missing, room, u32 } from "./kernel-map.ts";

/** Times on the clock of the boot. */
export interface PauseState {
  /** 0 = enforcement is on; one that has passed means the same. */
  readonly untilNs: bigint;
  readonly sinceNs: bigint;
  /** Rises with every change. */
  readonly serial: bigint;
  /** Who said so on this host. */
  readonly uid: number;
  /** Through the controller, which has it in its audit. */
  readonly remote: boolean;
}

export function readPause(map: KernelMap): PauseState {
  const view = map.get(u32(0));
  if (view === undefined) throw missing("pause", "its only element");
  const { remote, ...rest } = decodePause(view);
  return { ...rest, remote: remote !== 0 };
}

export function writePause(map: KernelMap, { remote, ...rest }: PauseState): void {
  const view = room(pauseBytes);
  encodePause(view, { ...rest, remote: remote ? 1 : 0 });
  map.set(u32(0), view);
}
