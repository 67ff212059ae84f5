import type { ProposedRule } from "../../api/types.ts";
import { Age } from "../../ui/Age.tsx";
import { ReviewBadge } from "../../ui/badges.tsx";
import { Fact, Facts } from "../../ui/Facts.tsx";
import { SidePanel } from "../../ui/SidePanel.tsx";
import { formatCount, formatFactor, formatShare } from "../../util/format.ts";
import { RuleDecision } from "./RuleDecision.tsx";
import classes from "./RulePanel.module.css";

type Props = {
  readonly rule: ProposedRule;
  /** After a word was said. */
  readonly onDecided: () => void;
  readonly onClose: () => void;
};

/** One proposed rule: what it permits, what speaks for it, and what people said. */
export function RulePanel({ rule, onDecided, onClose }: Props) {
  const { evidence } = rule;
  return (
    <SidePanel label="Rule" title={rule.rule} onClose={onClose}>
      <ReviewBadge state={rule.state} />
      <Facts>
        <Fact term="Policy">{rule.policy}</Fact>
        <Fact term="It says">{rule.summary}</Fact>
        <Fact term="Evidence">
          {formatCount(evidence.connections)} connections of {formatCount(evidence.edges)}{" "}
          {evidence.edges === 1 ? "edge" : "edges"} on {formatCount(evidence.days)}{" "}
          {evidence.days === 1 ? "day" : "days"}
        </Fact>
        <Fact term="First seen">
          <Age time={evidence.firstSeen} />
        </Fact>
        <Fact term="Last seen">
          <Age time={evidence.lastSeen} />
        </Fact>
        <Fact term="Permits">{formatFactor(rule.overPermission)} what was seen</Fact>
        <Fact term="Confidence">{formatShare(rule.confidence)}</Fact>
        {rule.by === null || rule.decidedAt === null ? null : (
          <Fact term="Decided">
            by {rule.by}, <Age time={rule.decidedAt} />
          </Fact>
        )}
        {rule.reason === "" ? null : <Fact term="Reason">{rule.reason}</Fact>}
      </Facts>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <section className={classes["text"]} aria-label="The rule in the policy" tabIndex={0}>
        <pre>{rule.text}</pre>
      </section>
      <RuleDecision rule={rule} onDecided={onDecided} />
    </SidePanel>
  );
}
