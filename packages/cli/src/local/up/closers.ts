/** What has been started, to be ended in reverse order; each is ended once. */
export type Closers = {
  readonly add: (close: () => Promise<void> | void) => void;
  /** Ends all of them, also where one can't be ended; then throws what the first such one threw. */
  readonly closeAll: () => Promise<void>;
};

export function createClosers(): Closers {
  const stack: (() => Promise<void> | void)[] = [];
  return {
    add: (close) => void stack.push(close),
    closeAll: async () => {
      const errors: unknown[] = [];
      for (let close = stack.pop(); close !== undefined; close = stack.pop()) {
        try {
          await close();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors[0];
    },
  };
}
