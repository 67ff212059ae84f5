import { useSuspenseQuery } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";
import { statusQuery } from "../api/queries.ts";
import { useLiveEvents } from "../hooks/use-live-events.ts";
import { LiveStatus } from "./LiveStatus.tsx";
import { Navigation } from "./Navigation.tsx";
import { PendingBanner } from "./PendingBanner.tsx";
import classes from "./Shell.module.css";

/** What stands around every page: the status on top, the pages at the left. */
export function Shell() {
  const live = useLiveEvents();
  const { data: status } = useSuspenseQuery(statusQuery);
  return (
    <div className={classes["shell"]}>
      <a className={classes["skip"]} href="#page">
        Skip to the page
      </a>
      <header className={classes["header"]}>
        <div className={classes["brand"]}>
          <img src="/ringwall.svg" alt="" width="20" height="20" />
          Ringwall
        </div>
        <LiveStatus status={status} live={live} />
      </header>
      {status.pending === null ? null : <PendingBanner pending={status.pending} />}
      <div className={classes["columns"]}>
        <Navigation />
        <main id="page" className={classes["page"]} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
    </div>
  );
}
