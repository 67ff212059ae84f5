/** Whether any of the texts holds the wanted one, whatever the case; an empty wish holds for all. */
export function includesText(wanted: string, texts: readonly (string | null | undefined)[]): boolean {
  if (wanted === "") return true;
  const lower = wanted.toLowerCase();
  return texts.some((text) => text?.toLowerCase().includes(lower));
}
