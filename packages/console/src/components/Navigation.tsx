import { useQuery } from "@tanstack/react-query";
import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { alertsQuery } from "../api/queries.ts";
import {
  AlertIcon,
  FlowIcon,
  MapIcon,
  PolicyIcon,
  ReviewIcon,
  RevisionIcon,
  SegmentIcon,
  SoftwareIcon,
  WorkloadIcon,
} from "../ui/icons.tsx";
import { pb } from "../util/path-builder.ts";
import classes from "./Navigation.module.css";

export function Navigation() {
  const { data: alerts } = useQuery(alertsQuery);
  return (
    <nav className={classes["nav"]} aria-label="Pages">
      <Item to={pb.map()} icon={<MapIcon />} label="Map" />
      <Item to={pb.segments()} icon={<SegmentIcon />} label="Segments" />
      <Item to={pb.workloads()} icon={<WorkloadIcon />} label="Workloads" />
      <Item to={pb.software()} icon={<SoftwareIcon />} label="Software" />
      <Item to={pb.flows()} icon={<FlowIcon />} label="Flows" />
      <Item to={pb.review()} icon={<ReviewIcon />} label="Review" />
      <Item to={pb.policies()} icon={<PolicyIcon />} label="Policies" />
      <Item to={pb.alerts()} icon={<AlertIcon />} label="Alerts" count={alerts?.length ?? 0} />
      <Item to={pb.revisions()} icon={<RevisionIcon />} label="Revisions" />
    </nav>
  );
}

const COUNT_SHOWN_MAX = 999;

type ItemProps = {
  readonly to: Pick<LinkProps, "to" | "search">;
  readonly icon: ReactNode;
  readonly label: string;
  readonly count?: number;
};

function Item({ to, icon, label, count = 0 }: ItemProps) {
  return (
    <Link {...to} className={classes["item"]} activeOptions={{ exact: true, includeSearch: false }}>
      {icon}
      <span className={classes["label"]}>{label}</span>
      {count === 0 ? null : (
        <span className={classes["count"]}>{count > COUNT_SHOWN_MAX ? `${COUNT_SHOWN_MAX}+` : count}</span>
      )}
    </Link>
  );
}
