/** Runs one piece of work after the other, in the order of asking; a failure is its own caller's only. */
export type Mutex = <T>(work: () => Promise<T>) => Promise<T>;

export function createMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
}

/** A mutex for each name. */
export function createMutexes(): <T>(name: string, work: () => Promise<T>) => Promise<T> {
  const busy = new Map<string, Promise<unknown>>();
  return (name, work) => {
    const next = (busy.get(name) ?? Promise.resolve()).then(work, work);
    const done = next
      .catch(() => undefined)
      .finally(() => {
        if (busy.get(name) === done) busy.delete(name);
      });
    busy.set(name, done);
    return next;
  };
}

/** A mutex for work that strangers ask for: null where `waitingMax` pieces are in it already, the running one counted. */
export type Queue = <T>(work: () => Promise<T>) => Promise<T> | null;

export function createQueue(waitingMax: number): Queue {
  const oneAtATime = createMutex();
  let waiting = 0;
  return (work) => {
    if (waiting >= waitingMax) return null;
    waiting += 1;
    return oneAtATime(work).finally(() => {
      waiting -= 1;
    });
  };
}
