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
  const timer = setInterval(() => {
    running ??= run();
  }, milliseconds);

  async function run(): Promise<void> {
    try {
      await task();
    } catch (error) {
      onError(error);
    } finally {
      running = undefined;
    }
  }

  return async () => {
    clearInterval(timer);
    await running;
  };
}
