// Figures with goals, as benchmarks print them: `» WHAT: VALUE UNIT of GOAL · more`. At most the goal is met.
export type Goal = {
  readonly what: string;
  readonly seen: number;
  readonly unit: string;
  readonly goal: number;
};

const LINE = /^» (.+?): (-?[\d.]+) (\S+) of ([\d.]+)(?: ·|$)/;

export function parseGoals(output: string): readonly Goal[] {
  return output.split("\n").flatMap((line) => {
    const [, what, seen, unit, goal] = LINE.exec(line) ?? [];
    if (what === undefined || unit === undefined) return [];
    return [{ what, seen: Number(seen), unit, goal: Number(goal) }];
  });
}

export function formatGoals(goals: readonly Goal[]): string {
  const rows = goals.map(({ what, seen, unit, goal }) => [
    what,
    `${seen} ${unit}`,
    `${goal} ${unit}`,
    seen <= goal ? "met" : "MISSED",
  ]);
  const all = [["what", "seen", "goal", ""], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const missed = rows.filter((row) => row[3] !== "met").length;
  return [
    ...all.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    ),
    `${rows.length - missed} goals met, ${missed} missed`,
  ].join("\n");
}
