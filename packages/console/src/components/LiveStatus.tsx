import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { LiveState } from "../api/live-events.ts";
import type { StatusView } from "../api/types.ts";
import { MoonIcon, SunIcon } from "../ui/icons.tsx";
import { formatCount } from "../util/format.ts";
import { pb } from "../util/path-builder.ts";
import classes from "./LiveStatus.module.css";

const LIVE: Record<LiveState, string> = {
  connecting: "connecting",
  live: "live",
  lost: "no connection to the controller, trying again",
};

/** Revision, agents and flows at a glance. */
export function LiveStatus({ status, live }: { readonly status: StatusView; readonly live: LiveState }) {
  const { agents, flows } = status;
  const away = agents.enrolled - agents.connected;
  return (
    <>
      <dl className={classes["facts"]} aria-label="Status">
        <Fact term="Revision">
          <Link {...pb.revisions()} className="rw-link">
            {status.revision === 0 ? "none yet" : `#${status.revision}`}
          </Link>
          {status.draftChanged ? <span className={classes["warn"]}>draft changed</span> : null}
        </Fact>
        <Fact term="Agents">
          <Link {...pb.workloads()} className="rw-link">
            {formatCount(agents.connected)} connected
          </Link>
          {away > 0 ? <span className={classes["bad"]}>{formatCount(away)} away</span> : null}
          {agents.behind > 0 ? (
            <span className={classes["warn"]}>{formatCount(agents.behind)} behind</span>
          ) : null}
        </Fact>
        <Fact term="Flows">
          {formatCount(flows.stored)}
          {flows.lost > 0 ? <span className={classes["warn"]}>{formatCount(flows.lost)} lost</span> : null}
        </Fact>
      </dl>
      <div className={classes["right"]}>
        <span className={classes["live"]} data-state={live} role="status">
          {LIVE[live]}
        </span>
        <SchemeButton />
      </div>
    </>
  );
}

function Fact({ term, children }: { readonly term: string; readonly children: ReactNode }) {
  return (
    <div className={classes["fact"]}>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function SchemeButton() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      onClick={() => setColorScheme(other)}
      aria-label={`${other} colours`}
    >
      {scheme === "dark" ? <SunIcon /> : <MoonIcon />}
    </ActionIcon>
  );
}
