import { type Resource, resource } from "@ringwall/model";
import { Document, isCollection, isMap, isScalar, isSeq, type Node, visit } from "yaml";

/** A leaf collection up to this many characters stands on one line. */
const ONE_LINE_MAX = 90;

/** YAML documents in the order given, keys in the order of the schema: `parsePolicy` reads back the same resources. */
export function formatResources(resources: readonly Resource[]): string {
  return resources.map(formatResource).join("---\n");
}

function formatResource(one: Resource): string {
  const ordered = resource.safeParse(one);
  const document = new Document(ordered.success ? ordered.data : one, { aliasDuplicateObjects: false });
  visit(document, {
    Collection: (_key, node) => {
      if (isLeaf(node) && JSON.stringify(node.toJSON()).length <= ONE_LINE_MAX) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

/** Holds scalars only, or lists of scalars below one key. */
function isLeaf(node: Node): boolean {
  if (!isCollection(node)) return false;
  const items = isMap(node) ? node.items.map((pair) => pair.value) : isSeq(node) ? node.items : [];
  return items.every((item) => isScalar(item) || (isSeq(item) && item.items.every(isScalar)));
}
