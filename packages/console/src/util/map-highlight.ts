import type { MapModel } from "./map-model.ts";

/** What a selection is about; everything else steps back. */
export type Highlight = { readonly links: ReadonlySet<string>; readonly cards: ReadonlySet<string> };

/** Null where nothing is selected, or something that is not on the map any more. */
export function highlightOf(model: MapModel, selected: string | undefined): Highlight | null {
  if (selected === undefined) return null;
  const links = new Set<string>();
  const cards = new Set<string>();
  for (const link of model.links) {
    const source = model.rows.get(link.source)?.card;
    const target = model.rows.get(link.target)?.card;
    if (![link.id, link.source, link.target, source, target].includes(selected)) continue;
    links.add(link.id);
    if (source !== undefined) cards.add(source);
    if (target !== undefined) cards.add(target);
  }
  const own = model.cards.has(selected) ? selected : model.rows.get(selected)?.card;
  if (own !== undefined) cards.add(own);
  return cards.size === 0 ? null : { links, cards };
}
