/** What has been started, to be ended in reverse order; each is ended once. */
export type Closers = {
  readonly add: (close: () => Promise<void> | void) => void;
  readonly closeAll: () => Promise<void>;
};

export function createClosers(): Closers {
  const stack: (() => Promise<void> | void)[] = [];
  return {
    add: (close) => void stack.push(close),
    closeAll: async () => {
      for (let close = stack.pop(); close !== undefined; close = stack.pop()) await close();
    },
  };
}
