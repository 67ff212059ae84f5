import { useNow } from "../hooks/use-now.ts";
import { formatAge, formatTime } from "../util/format.ts";

const RENEWED_MS = 10_000;

/** How long ago, with the exact time as the tooltip. */
export function Age({ time }: { readonly time: string }) {
  const now = useNow(RENEWED_MS);
  return (
    <time dateTime={time} title={formatTime(time)}>
      {formatAge(Date.parse(time), now)}
    </time>
  );
}
