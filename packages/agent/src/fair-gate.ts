type Line = { running: number; readonly waiting: (() => void)[] };

/**
 * Lets at most `jobsMax` pieces of work run together, and no line have more of them under way than are left for the
 * others. Who waits does so in order of arrival within his line; lines take turns.
 */
export function createFairGate(jobsMax: number): <T>(line: string, work: () => Promise<T>) => Promise<T> {
  /** The line whose turn is next stands first. */
  const lines = new Map<string, Line>();
  let left = jobsMax;

  function admit(): void {
    for (const [name, line] of [...lines]) {
      if (line.waiting.length === 0 || line.running >= left) continue;
      lines.delete(name);
      lines.set(name, line);
      line.running++;
      left--;
      line.waiting.shift()?.();
    }
  }

  return async (name, work) => {
    const line = lines.get(name) ?? { running: 0, waiting: [] };
    lines.set(name, line);
    await new Promise<void>((resolve) => {
      line.waiting.push(resolve);
      admit();
    });
    try {
      return await work();
    } finally {
      left++;
      if (--line.running === 0 && line.waiting.length === 0) lines.delete(name);
      admit();
    }
  };
}
