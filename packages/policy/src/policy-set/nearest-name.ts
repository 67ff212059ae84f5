/** Names further away than this are no typing mistake. */
const EDITS_MAX = 3;

/** The known name that a typing mistake would most likely have meant; undefined where none is near. */
export function nearestName(wanted: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestEdits = Math.min(EDITS_MAX, Math.ceil(wanted.length / 2)) + 1;
  for (const name of known) {
    if (Math.abs(name.length - wanted.length) >= bestEdits) continue;
    const edits = editDistance(wanted.toLowerCase(), name.toLowerCase());
    if (edits < bestEdits || (edits === bestEdits && best !== undefined && name < best)) {
      best = name;
      bestEdits = edits;
    }
  }
  return best;
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, (before[j - 2] ?? 0) + 1);
      row.push(edits);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
