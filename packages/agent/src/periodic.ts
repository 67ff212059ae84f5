/** Runs a task again and again, one run at a time, until stopped. A run that fails is reported, and the next one comes. */
export function every(
  milliseconds: number,
  task: () => unknown,
  onError: (error: unknown) => void,
): () => void {
  let running = false;
  const timer = setInterval(async () => {
    if (running) return;
    running = true;
    try {
      await task();
    } catch (error) {
      onError(error);
    } finally {
      running = false;
    }
  }, milliseconds);
  return () => clearInterval(timer);
}
