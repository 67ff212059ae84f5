import { useSuspenseQuery } from "@tanstack/react-query";
import { policiesQuery } from "../api/queries.ts";
import type { PolicyView } from "../api/types.ts";
import { NotKnown, RuleBadge } from "../ui/badges.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { PageHeader } from "../ui/PageHeader.tsx";
import { formatCount } from "../util/format.ts";
import classes from "./PoliciesPage.module.css";

export function PoliciesPage() {
  const { data: policies } = useSuspenseQuery(policiesQuery);
  const rules = policies.reduce((sum, policy) => sum + policy.rules.length, 0);
  return (
    <>
      <PageHeader
        title="Policies"
        note={`${formatCount(policies.length)} with ${formatCount(rules)} rules; everything else is default deny`}
      />
      {policies.length === 0 ? (
        <EmptyState title="No policy yet" command="ringwall learn">
          Ringwall proposes the smallest policy that keeps everything working. `ringwall simulate` shows what
          it would break, `ringwall provision` puts it in force.
        </EmptyState>
      ) : (
        <div className={classes["list"]}>
          {policies.map((policy) => (
            <PolicyCard key={policy.name} policy={policy} />
          ))}
        </div>
      )}
    </>
  );
}

function PolicyCard({ policy }: { readonly policy: PolicyView }) {
  const most = Math.max(1, ...policy.rules.map((rule) => rule.hits));
  return (
    <section className={classes["policy"]} aria-label={`Policy ${policy.name}`}>
      <header>
        <h2>{policy.name}</h2>
        {policy.owner === null ? null : <NotKnown>{`owner ${policy.owner}`}</NotKnown>}
        {policy.expires === null ? null : <NotKnown>{`allows end ${policy.expires}`}</NotKnown>}
      </header>
      <table>
        <thead>
          <tr>
            <th scope="col">Kind</th>
            <th scope="col">Rule</th>
            <th scope="col">What it says</th>
            <th scope="col">Hits, 24 h</th>
          </tr>
        </thead>
        <tbody>
          {policy.rules.map((rule) => (
            <tr key={rule.name}>
              <td>
                <RuleBadge kind={rule.kind} />
              </td>
              <td>{rule.name}</td>
              <td className="rw-mono">{rule.summary}</td>
              <td className={classes["hits"]}>
                <meter min={0} max={most} value={rule.hits} aria-hidden="true" />
                {rule.hits === 0 ? <NotKnown>none</NotKnown> : formatCount(rule.hits)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
