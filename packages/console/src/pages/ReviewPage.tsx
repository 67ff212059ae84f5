import { SegmentedControl } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { proposalQuery, rejectionsQuery } from "../api/queries.ts";
import type { ProposalView, RejectionView } from "../api/types.ts";
import { RejectionTable } from "../components/review/RejectionTable.tsx";
import { RulePanel } from "../components/review/RulePanel.tsx";
import { RuleTable } from "../components/review/RuleTable.tsx";
import { SetAsideTable } from "../components/review/SetAsideTable.tsx";
import { ReviewFilters } from "../forms/ReviewFilters.tsx";
import { EmptyState } from "../ui/EmptyState.tsx";
import { PageHeader } from "../ui/PageHeader.tsx";
import { formatAge, formatCount, formatFactor } from "../util/format.ts";
import { includesText } from "../util/includes-text.ts";
import { REVIEW_VIEWS, type ReviewSearch, type ReviewViewKind } from "../util/path-builder.ts";
import classes from "./ReviewPage.module.css";

const route = getRouteApi("/review");

/** What the learner proposed, rule by rule with its evidence, and people's word on it. */
export function ReviewPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: proposal } = useSuspenseQuery(proposalQuery);
  const { data: rejections } = useSuspenseQuery(rejectionsQuery);
  const change = (part: Partial<ReviewSearch>) => {
    void navigate({ to: ".", search: (now: ReviewSearch) => ({ ...now, ...part }), replace: true });
  };
  if (proposal === null && rejections.length === 0) return <NothingProposed />;
  const view = search.view ?? (proposal === null ? "rejections" : "rules");
  return (
    <>
      <PageHeader title="Review" note={noteOf(proposal)}>
        <SegmentedControl
          size="xs"
          aria-label="View"
          data={REVIEW_VIEWS.map((value) => ({ value, label: labelOf(value, proposal, rejections) }))}
          value={view}
          onChange={(chosen) => change({ view: REVIEW_VIEWS.find((one) => one === chosen), rule: undefined })}
        />
      </PageHeader>
      {proposal?.notes.map((note) => (
        <p key={note} className={classes["remark"]}>
          {note}
        </p>
      ))}
      {view === "rejections" ? (
        <RejectionTable rejections={rejections} />
      ) : proposal === null ? (
        <NothingProposed />
      ) : view === "set-aside" ? (
        <SetAsideTable findings={proposal.setAside} />
      ) : (
        <Rules proposal={proposal} search={search} onChange={change} />
      )}
    </>
  );
}

type RulesProps = {
  readonly proposal: ProposalView;
  readonly search: ReviewSearch;
  readonly onChange: (part: Partial<ReviewSearch>) => void;
};

function Rules({ proposal, search, onChange }: RulesProps) {
  const { q = "", state } = search;
  const shown = proposal.rules.filter(
    (rule) =>
      (state === undefined || rule.state === state) &&
      includesText(q, [rule.id, rule.summary, rule.kind, rule.reason]),
  );
  const selected = proposal.rules.find((rule) => rule.id === search.rule);
  const next = proposal.rules.find((rule) => rule.state === "open" && rule.id !== selected?.id);
  return (
    <>
      <ReviewFilters search={search} rules={proposal.rules} onChange={onChange} />
      <div className={classes["content"]}>
        <RuleTable rules={shown} selected={search.rule} onSelect={(rule) => onChange({ rule })} />
        {selected === undefined ? null : (
          <RulePanel
            key={selected.id}
            rule={selected}
            onDecided={() => onChange({ rule: next?.id ?? selected.id })}
            onClose={() => onChange({ rule: undefined })}
          />
        )}
      </div>
    </>
  );
}

function NothingProposed() {
  return (
    <>
      <PageHeader title="Review" />
      <EmptyState title="Nothing proposed yet" command="ringwall learn">
        Ringwall proposes segments, software and rules from the traffic it has seen. Each rule is shown here
        with its evidence, to be accepted or rejected before it is provisioned.
      </EmptyState>
    </>
  );
}

function noteOf(proposal: ProposalView | null): string {
  if (proposal === null) return "nothing proposed now";
  const open = proposal.rules.filter((rule) => rule.state === "open").length;
  const made = `proposed by ${proposal.madeBy} ${formatAge(Date.parse(proposal.madeAt), Date.now())}`;
  const permits = `permits ${formatFactor(proposal.overPermission)} what was seen`;
  return `${formatCount(open)} of ${formatCount(proposal.rules.length)} rules open, ${made}; ${permits}`;
}

function labelOf(
  view: ReviewViewKind,
  proposal: ProposalView | null,
  rejections: readonly RejectionView[],
): string {
  switch (view) {
    case "rules":
      return `Rules ${formatCount(proposal?.rules.length ?? 0)}`;
    case "rejections":
      return `Remembered rejections ${formatCount(rejections.length)}`;
    case "set-aside":
      return `Set aside ${formatCount(proposal?.setAside.length ?? 0)}`;
  }
}
