import type { Place } from "@ringwall/model";
import { type Document, isMap, isNode, isPair, isScalar, isSeq, type LineCounter, type Node } from "yaml";

/** A document with what is needed to say where in the text something stands. */
export type Source = {
  readonly file: string;
  readonly root: Node | null;
  readonly lines: LineCounter;
};
export type Path = readonly (string | number)[];

export function sourceOf(file: string, document: Document.Parsed, lines: LineCounter): Source {
  return { file, root: document.contents, lines };
}

/** Where the value at a path stands; the nearest parent's place where there is no such value. */
export function placeAt(source: Source, path: Path): Place {
  let node: unknown = source.root;
  let offset = offsetOf(node);
  for (const step of path) {
    node = childOf(node, step);
    if (node === undefined) break;
    offset = offsetOf(node) ?? offset;
  }
  return placeOfOffset(source, offset ?? 0);
}

/** Where a key of the map at a path stands. */
export function placeOfKey(source: Source, path: Path, key: string): Place {
  let node: unknown = source.root;
  for (const step of path) node = childOf(node, step);
  const pair = isMap(node) ? node.items.find((item) => textOf(item.key) === key) : undefined;
  const offset = pair === undefined ? undefined : offsetOf(pair.key);
  return offset === undefined ? placeAt(source, path) : placeOfOffset(source, offset);
}

export function placeOfOffset(source: Pick<Source, "file" | "lines">, offset: number): Place {
  const { line, col } = source.lines.linePos(offset);
  return { file: source.file, line: Math.max(line, 1), column: Math.max(col, 1) };
}

function childOf(node: unknown, step: string | number): unknown {
  if (isMap(node)) return node.items.find((item) => textOf(item.key) === String(step))?.value ?? undefined;
  if (isSeq(node) && typeof step === "number") return node.items[step];
  return undefined;
}

function textOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function offsetOf(node: unknown): number | undefined {
  if (isPair(node)) return offsetOf(node.key);
  return isNode(node) ? (node.range?.[0] ?? undefined) : undefined;
}
