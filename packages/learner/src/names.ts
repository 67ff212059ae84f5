/** Turns any text into a resource name: lower case, letters, digits and dashes, alphanumeric at both ends. */
export function slug(text: string): string {
  const cleaned = text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "");
  return cleaned === "" ? "unnamed" : cleaned.slice(0, 60).replace(/[^a-z0-9]+$/, "");
}

/** The first candidate that is free, else the last one with a number; the name is then taken. */
export function uniqueName(candidates: readonly string[], taken: Set<string>): string {
  const slugs = candidates.map(slug);
  let name = slugs.find((candidate) => !taken.has(candidate));
  const base = slugs[0] ?? "unnamed";
  for (let n = 2; name === undefined; n++) {
    if (!taken.has(`${base}-${n}`)) name = `${base}-${n}`;
  }
  taken.add(name);
  return name;
}
