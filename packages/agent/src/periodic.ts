/** What is done every so many whole seconds shares one timer: an idle agent wakes once a second, whatever it has to do. */
const TICK_MS = 1000;

/** What a task resolves with that should run again before it is its turn. */
export class Sooner {
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    this.milliseconds = milliseconds;
  }
}

const onTicks = new Set<() => void>();
let ticking: NodeJS.Timeout | undefined;

/**
 * Runs a task again and again, one run at a time, until stopped; stopping waits for a run that is under way. A run that
 * fails is reported, and the next one comes.
 */
export function every(
  milliseconds: number,
  task: () => unknown,
  onError: (error: unknown) => unknown,
): () => Promise<void> {
  let running: Promise<void> | undefined;
  let sooner: NodeJS.Timeout | undefined;
  let stopped = false;
  const start = () => {
    // Cleared later than it is set, also where the task throws at once.
    running ??= run().finally(() => {
      running = undefined;
    });
  };
  const stopTimer = repeat(milliseconds, start);

  async function run(): Promise<void> {
    clearTimeout(sooner);
    let again: unknown;
    try {
      again = await task();
    } catch (error) {
      onError(error);
    }
    if (again instanceof Sooner && !stopped) sooner = setTimeout(start, again.milliseconds);
  }

  return async () => {
    stopped = true;
    stopTimer();
    clearTimeout(sooner);
    await running;
  };
}

/** Whole seconds: at the shared tick, the first time up to a second early. */
function repeat(milliseconds: number, run: () => void): () => void {
  if (milliseconds % TICK_MS !== 0) {
    const timer = setInterval(run, milliseconds);
    return () => clearInterval(timer);
  }
  const ticks = milliseconds / TICK_MS;
  let left = ticks;
  const onTick = () => {
    left--;
    if (left > 0) return;
    left = ticks;
    run();
  };
  onTicks.add(onTick);
  ticking ??= setInterval(tick, TICK_MS);
  return () => {
    onTicks.delete(onTick);
    if (onTicks.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

function tick(): void {
  for (const onTick of [...onTicks]) onTick();
}
