/** Rejects on Ctrl-C, SIGTERM, or when the time is up; the hosts are then ended as after any other run. */
export function interruption(runMsMax: number): {
  readonly promise: Promise<never>;
  readonly forget: () => void;
} {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`ended after ${runMsMax / 1000} s`)), runMsMax);
  const onSignal = (signal: NodeJS.Signals) => reject(new Error(`ended by ${signal}`));
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  // Without a reader there is nobody to tell the story to; what was started is still ended in order.
  process.stdout.on("error", () => reject(new Error("nobody reads the output")));
  promise.catch(() => {});
  return {
    promise,
    forget: () => {
      clearTimeout(timer);
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
