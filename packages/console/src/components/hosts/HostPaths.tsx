import type { PathView } from "../../api/types.ts";
import { PathBadge } from "../../ui/badges.tsx";
import { formatCount } from "../../util/format.ts";
import classes from "./HostPanel.module.css";

type Props = { readonly name: string; readonly paths: readonly PathView[] };

/** Paths shown; stripped ones come first. */
const PATHS_SHOWN_MAX = 50;

/** Where the proofs of this host arrive, and those of others here. */
export function HostPaths({ name, paths }: Props) {
  const touching = paths.filter((path) => path.source === name || path.destination === name);
  if (touching.length === 0) return null;
  return (
    <section className={classes["features"]} aria-label="Proofs between hosts">
      <h3>Proofs between hosts</h3>
      <ul>
        {touching.slice(0, PATHS_SHOWN_MAX).map((path) => (
          <li key={`${path.source} ${path.destination}`}>
            <PathBadge state={path.state} /> {path.source} → {path.destination}
            <span className="rw-not-known">
              {` ${formatCount(path.proved)} proved, ${formatCount(path.missing)} missing, ${formatCount(path.wrong)} wrong`}
            </span>
          </li>
        ))}
      </ul>
      {touching.length > PATHS_SHOWN_MAX ? (
        <p className="rw-not-known">{`${formatCount(touching.length - PATHS_SHOWN_MAX)} more: ringwall get paths`}</p>
      ) : null}
    </section>
  );
}
