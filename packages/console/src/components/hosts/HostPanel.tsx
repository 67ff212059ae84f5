import { useQuery } from "@tanstack/react-query";
import { pathsQuery } from "../../api/queries.ts";
import type { WorkloadView } from "../../api/types.ts";
import { Age } from "../../ui/Age.tsx";
import { LevelBadge, NotKnown } from "../../ui/badges.tsx";
import { Fact, Facts } from "../../ui/Facts.tsx";
import { SidePanel } from "../../ui/SidePanel.tsx";
import { formatCount } from "../../util/format.ts";
import { formatGeneration, formatLabels, problemOf } from "../../util/workload-text.ts";
import classes from "./HostPanel.module.css";
import { HostPaths } from "./HostPaths.tsx";

type Props = { readonly workload: WorkloadView; readonly onClose: () => void };
type Agent = NonNullable<WorkloadView["agent"]>;

/** One host: what its kernel gives and lacks, and how surely its peers know its software. */
export function HostPanel({ workload, onClose }: Props) {
  const { agent, name } = workload;
  const { data: paths = [] } = useQuery(pathsQuery);
  return (
    <SidePanel label="Host" title={name} onClose={onClose}>
      <Facts>
        <Fact term="Addresses">{workload.addresses.join(", ") || <NotKnown>none</NotKnown>}</Fact>
        <Fact term="Labels">{formatLabels(workload) || <NotKnown>none</NotKnown>}</Fact>
        <Fact term="Segments">{workload.segments.join(", ") || <NotKnown>none</NotKnown>}</Fact>
      </Facts>
      {agent === null ? (
        <p>
          <NotKnown>no agent: it is known by its addresses only, and nothing is enforced on it</NotKnown>
        </p>
      ) : (
        <>
          <LevelBadge level={agent.capability} />
          <Facts>
            <Fact term="Kernel">{agent.kernel ?? <NotKnown>not reported</NotKnown>}</Fact>
            <Fact term="Agent">{agent.version}</Fact>
            <Fact term="Last seen">
              {agent.lastSeen === null ? <NotKnown>never</NotKnown> : <Age time={agent.lastSeen} />}
            </Fact>
            <Fact term="Generation">{formatGeneration(agent)}</Fact>
            <Fact term="Proofs">
              <Keys proof={agent.proof} />
            </Fact>
            <Fact term="Flows lost">{formatCount(agent.flowsLost)}</Fact>
            {problemOf(agent) === "" ? null : (
              <Fact term="Problem">
                <span className={classes["problem"]}>{problemOf(agent)}</span>
              </Fact>
            )}
          </Facts>
          <Features agent={agent} available={false} title="What this kernel lacks" />
          <Features agent={agent} available={true} title="What it gives" />
          <HostPaths name={name} paths={paths} />
        </>
      )}
    </SidePanel>
  );
}

function Keys({ proof }: Pick<Agent, "proof">) {
  if (proof === null) return <NotKnown>none: peers know its software by its address only</NotKnown>;
  return (
    <>
      key {proof.generations.at(-1)}, published <Age time={proof.offered} />
    </>
  );
}

type FeaturesProps = { readonly agent: Agent; readonly available: boolean; readonly title: string };

function Features({ agent, available, title }: FeaturesProps) {
  const features = agent.features.filter((one) => one.available === available);
  if (features.length === 0) return null;
  return (
    <section className={classes["features"]} aria-label={title}>
      <h3>{title}</h3>
      <ul>
        {features.map(({ name, means, why }) => (
          <li key={name}>
            <code>{name}</code> {means}
            {why === "" ? null : <span className="rw-not-known"> ({why})</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
