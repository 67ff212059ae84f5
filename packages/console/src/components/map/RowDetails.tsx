import { useQuery } from "@tanstack/react-query";
import { softwareQuery } from "../../api/queries.ts";
import type { SoftwareView } from "../../api/types.ts";
import { Age } from "../../ui/Age.tsx";
import { NotKnown, ProvenanceBadge } from "../../ui/badges.tsx";
import { Fact, Facts } from "../../ui/Facts.tsx";
import type { MapModel, Row } from "../../util/map-model.ts";
import { LinkList } from "./LinkList.tsx";
import classes from "./MapPanel.module.css";

type Props = { readonly row: Row; readonly model: MapModel; readonly onSelect: (id: string) => void };

/** Programs of one name that are shown apart; a Software resource may stand for more. */
const PROGRAMS_SHOWN = 5;

export function RowDetails({ row, model, onSelect }: Props) {
  const { data } = useQuery(softwareQuery);
  const card = model.cards.get(row.card);
  const programs = data?.software.filter((item) => item.name === row.software) ?? [];
  return (
    <>
      <h2 className={classes["heading"]}>{row.software ?? "Software not known"}</h2>
      <Facts>
        <Fact term="On">
          <button type="button" className={classes["jump"]} onClick={() => onSelect(row.card)}>
            {card?.title ?? row.card}
          </button>
        </Fact>
        {row.ports.length === 0 ? null : (
          <Fact term="Called at">
            <span className="rw-mono">{row.ports.join(", ")}</span>
          </Fact>
        )}
      </Facts>
      {programs.slice(0, PROGRAMS_SHOWN).map((program) => (
        <Program
          key={`${program.exe} ${program.exeSha256} ${program.script} ${program.scriptSha256} ${program.unattributable}`}
          program={program}
        />
      ))}
      <LinkList model={model} isOwn={(id) => id === row.id} onSelect={onSelect} />
    </>
  );
}

function Program({ program }: { readonly program: SoftwareView }) {
  return (
    <Facts>
      <Fact term="Provenance">
        <ProvenanceBadge provenance={program.provenance} />
      </Fact>
      <Fact term="Executable">
        <span className="rw-mono">{program.exe}</span>
      </Fact>
      <Fact term="SHA-256">
        {program.exeSha256 === null ? (
          <NotKnown>not known</NotKnown>
        ) : (
          <span className="rw-mono">{program.exeSha256}</span>
        )}
      </Fact>
      {program.script === null ? null : (
        <Fact term="Script">
          <span className="rw-mono">{program.script}</span>
        </Fact>
      )}
      {program.package === null ? null : <Fact term="Package">{program.package}</Fact>}
      <Fact term="Users">{program.users.join(", ")}</Fact>
      <Fact term="First seen">
        <Age time={program.firstSeen} />
      </Fact>
    </Facts>
  );
}
