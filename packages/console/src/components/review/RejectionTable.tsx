import { useForgetRejection } from "../../api/review.ts";
import type { RejectionView } from "../../api/types.ts";
import { ActionButton } from "../../ui/ActionButton.tsx";
import { Age } from "../../ui/Age.tsx";
import { type Column, DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Problem } from "./RuleDecision.tsx";

const columns: readonly Column<RejectionView>[] = [
  {
    key: "rule",
    header: "Rule",
    width: "minmax(160px, 1fr)",
    sortBy: (rejection) => `${rejection.policy}/${rejection.rule}`,
    render: (rejection) => <span title={rejection.text}>{rejection.rule}</span>,
  },
  {
    key: "summary",
    header: "What it says",
    width: "minmax(220px, 1.6fr)",
    render: (rejection) => (
      <span className="rw-mono" title={rejection.summary}>
        {rejection.summary}
      </span>
    ),
  },
  {
    key: "reason",
    header: "Reason",
    width: "minmax(200px, 1.4fr)",
    render: (rejection) => <span title={rejection.reason}>{rejection.reason}</span>,
  },
  { key: "by", header: "By", width: "110px", render: (rejection) => rejection.by },
  {
    key: "time",
    header: "When",
    width: "100px",
    sortBy: (rejection) => rejection.time,
    render: (rejection) => <Age time={rejection.time} />,
  },
  {
    key: "forget",
    header: "Remembered",
    width: "108px",
    render: (rejection) => <Forget rejection={rejection} />,
  },
];

/** Rules that people rejected, now or earlier: the learner does not propose them again. */
export function RejectionTable({ rejections }: { readonly rejections: readonly RejectionView[] }) {
  if (rejections.length === 0) {
    return (
      <EmptyState title="No rejection to remember">
        A rule that is rejected is kept here with its reason, and not proposed again.
      </EmptyState>
    );
  }
  return (
    <DataTable
      label="Remembered rejections"
      columns={columns}
      rows={rejections}
      rowKey={(rejection) => String(rejection.id)}
      sortedBy={{ key: "time", descending: true }}
    />
  );
}

function Forget({ rejection }: { readonly rejection: RejectionView }) {
  const forget = useForgetRejection();
  return (
    <>
      <ActionButton
        disabledReason={forget.isPending ? "the controller is being told" : null}
        label={`Forget the rejection of ${rejection.rule}`}
        onClick={() => forget.mutate(rejection.id)}
      >
        Forget
      </ActionButton>
      <Problem error={forget.error} />
    </>
  );
}
