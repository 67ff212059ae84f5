import { useEffect, useState } from "react";
import type { DiagramInput, DiagramLayout } from "../../util/diagram-types.ts";
import type { MapModel } from "../../util/map-model.ts";
import { layOutDiagramInWorker } from "./layout-client.ts";

/** A layout and the structure it was made for. */
export type KeyedLayout = { readonly key: string; readonly layout: DiagramLayout };

/** The model's layout, made anew only when cards, rows or links come or go; the last one until the new is there. */
export function useDiagramLayout(model: MapModel): KeyedLayout | null {
  const input = inputOf(model);
  const key = JSON.stringify(input);
  const [keyed, setKeyed] = useState<KeyedLayout | null>(null);
  useEffect(() => {
    let wanted = true;
    void layOutDiagramInWorker(JSON.parse(key) as DiagramInput).then((layout) => {
      if (wanted) setKeyed({ key, layout });
    });
    return () => {
      wanted = false;
    };
  }, [key]);
  return keyed;
}

function inputOf(model: MapModel): DiagramInput {
  return {
    cards: [...model.cards.values()].map((card) => ({ id: card.id, rows: card.rows.map((row) => row.id) })),
    links: model.links.flatMap(({ source, target }) => {
      const sourceCard = model.rows.get(source)?.card;
      const targetCard = model.rows.get(target)?.card;
      return sourceCard === undefined || targetCard === undefined
        ? []
        : [{ source, target, sourceCard, targetCard }];
    }),
  };
}
