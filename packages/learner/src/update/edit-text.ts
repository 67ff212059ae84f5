import { type Document, isMap, isSeq, parseAllDocuments } from "yaml";
import type { Edit } from "./edits.ts";

/**
 * Carries edits out in the text that people wrote: comments and order stay. Returns null where the text holds none of
 * the documents to edit, so that the file is left alone.
 */
export function editPolicyText(text: string, edits: readonly Edit[]): string | null {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return null;
  let isChanged = false;
  for (const document of documents) {
    for (const edit of edits) if (editDocument(document, edit)) isChanged = true;
  }
  if (!isChanged) return null;
  return documents
    .map((document, index) => {
      const own = document.toString({ lineWidth: 0 });
      return index === 0 || own.startsWith("---") ? own : `---\n${own}`;
    })
    .join("");
}

function editDocument(document: Document.Parsed, edit: Edit): boolean {
  const isOf = (kind: string, name: string): boolean =>
    document.get("kind") === kind && document.getIn(["metadata", "name"]) === name;
  if (edit.kind === "add-member") {
    return (
      isOf("Segment", edit.segment) &&
      addTo(document, ["spec", "workloads", "ringwall.dev/name"], edit.workload.replaceAll("/", "."))
    );
  }
  if (!isOf("Software", edit.software)) return false;
  const entries = document.getIn(["spec", "anyOf"]);
  if (!isSeq(entries)) return false;
  return entries.items.some((entry, index) => {
    if (!isMap(entry)) return false;
    const part = ["script", "executable"].find(
      (one) => entry.getIn([one, "path"]) === edit.path && entry.hasIn([one, "sha256"]),
    );
    return part !== undefined && addTo(document, ["spec", "anyOf", index, part, "sha256"], edit.sha256);
  });
}

/** Adds a value to a list, or makes a list of the one value there is. */
function addTo(document: Document.Parsed, path: readonly (string | number)[], value: string): boolean {
  const there = document.getIn(path);
  if (isSeq(there)) {
    if (there.toJSON().includes(value)) return false;
    there.add(document.createNode(value));
    return true;
  }
  if (typeof there !== "string" || there === value) return false;
  const list = document.createNode([there, value]);
  list.flow = true;
  document.setIn(path, list);
  return true;
}
