export type Bar = {
  readonly what: string;
  readonly shown: string;
  readonly must: string;
  readonly isMet: boolean;
};

export function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

/** One measured figure against its bar; `info` is only printed. */
export function bar(
  what: string,
  value: number,
  relation: ">=" | "<=" | "info",
  limit: number,
  format: (value: number) => string = (figure) => figure.toFixed(3),
): Bar {
  const isMet = relation === "info" || (relation === ">=" ? value >= limit : value <= limit);
  return {
    what,
    shown: format(value),
    must: relation === "info" ? "" : `${relation} ${format(limit)}`,
    isMet,
  };
}

export function formatBars(bars: readonly Bar[]): string {
  const width = Math.max(...bars.map(({ what }) => what.length));
  return bars
    .map(
      ({ what, shown, must, isMet }) =>
        `${must === "" ? " · " : isMet ? "ok " : "NO "} ${what.padEnd(width)}  ${shown.padStart(9)}  ${must}`,
    )
    .join("\n");
}
