/** What the child does side by side; within each it answers one request after the other. */
export type Lane = "reads" | "writes";

const LANES: readonly Lane[] = ["reads", "writes"];
/** Looks that have to find a lane silent; a controller that was stopped itself has missed them, and goes on looking. */
const SILENT_LOOKS = 6;

/** Calls `onHang` where requests of a lane wait and none of them has been answered for `silenceMsMax`. */
export function watchSilence(
  silenceMsMax: number,
  waiting: () => Iterable<Lane>,
  onHang: () => void,
): { heard(lane: Lane): void; end(): void } {
  const silent = { reads: 0, writes: 0 };
  const look = () => {
    const waits = new Set(waiting());
    for (const lane of LANES) silent[lane] = waits.has(lane) ? silent[lane] + 1 : 0;
    // The first look may come right after the request.
    if (LANES.some((lane) => silent[lane] > SILENT_LOOKS)) onHang();
  };
  const timer = setInterval(look, silenceMsMax / SILENT_LOOKS);
  timer.unref();
  return {
    heard(lane) {
      silent[lane] = 0;
    },
    end: () => clearInterval(timer),
  };
}
