import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { workloadsQuery } from "../../api/queries.ts";
import type { WorkloadView } from "../../api/types.ts";
import { ModeBadge, NotKnown } from "../../ui/badges.tsx";
import { Fact, Facts } from "../../ui/Facts.tsx";
import type { Card, MapModel } from "../../util/map-model.ts";
import { pb } from "../../util/path-builder.ts";
import { LinkList } from "./LinkList.tsx";
import classes from "./MapPanel.module.css";

type Props = { readonly card: Card; readonly model: MapModel; readonly onSelect: (id: string) => void };

export function CardDetails({ card, model, onSelect }: Props) {
  const { data: workloads = [] } = useQuery(workloadsQuery);
  const workload = card.kind === "workload" ? workloads.find((item) => item.name === card.id) : undefined;
  const own = new Set(card.rows.map((row) => row.id));
  return (
    <>
      <h2 className={classes["heading"]}>{card.title}</h2>
      {card.kind === "address" ? (
        <p className={classes["text"]}>An address that no workload owns: what runs there can't be known.</p>
      ) : null}
      {card.kind === "segment" ? <Facts>{<Fact term="Workloads">{card.workloads}</Fact>}</Facts> : null}
      {workload === undefined ? null : <Workload workload={workload} />}
      <LinkList model={model} isOwn={(id) => own.has(id)} onSelect={onSelect} />
    </>
  );
}

function Workload({ workload }: { readonly workload: WorkloadView }) {
  const { modes, agent } = workload;
  return (
    <Facts>
      <Fact term="Addresses">
        <span className="rw-mono">{workload.addresses.join(", ")}</span>
      </Fact>
      <Fact term="Segments">
        {workload.segments.length === 0 ? (
          <NotKnown>none: in observe</NotKnown>
        ) : (
          workload.segments.join(", ")
        )}
      </Fact>
      <Fact term="Inbound">
        <ModeBadge mode={modes.inbound} />
      </Fact>
      <Fact term="Outbound">
        <ModeBadge mode={modes.outbound} />
      </Fact>
      <Fact term="Processes">
        <ModeBadge mode={modes.processes} />
      </Fact>
      <Fact term="Agent">
        {agent === null ? <NotKnown>none</NotKnown> : agent.connected ? "connected" : lostText(agent.problem)}
      </Fact>
      <Fact term="Flows">
        <Link {...pb.flows({ workload: workload.name })} className="rw-link">
          all of this workload
        </Link>
      </Fact>
    </Facts>
  );
}

function lostText(problem: string): string {
  return problem === "" ? "lost" : `lost; ${problem}`;
}
