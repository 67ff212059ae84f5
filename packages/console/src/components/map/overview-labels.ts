export type Label = {
  /** Where the labelled thing is, in pixels of the pane. */
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly weight: "strong" | "cluster" | "plain";
  /** Pixels between the point and its label. */
  readonly gap: number;
};

/** More labels than this are not read, only looked at. */
const LABELS_MAX = 160;
const MARGIN = 4;
const HEIGHT: Record<Label["weight"], number> = { strong: 16, cluster: 16, plain: 14 };
const FONT: Record<Label["weight"], string> = {
  strong: "600 13px system-ui, sans-serif",
  cluster: "600 12px system-ui, sans-serif",
  plain: "11px system-ui, sans-serif",
};

type Box = { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
type Dimensions = { readonly width: number; readonly height: number };

/** Draws labels in their order of weight; one that would touch another is left out. */
export function drawLabels(canvas: HTMLCanvasElement, size: Dimensions, labels: readonly Label[]): void {
  const ratio = window.devicePixelRatio;
  if (canvas.width !== size.width * ratio || canvas.height !== size.height * ratio) {
    canvas.width = size.width * ratio;
    canvas.height = size.height * ratio;
    canvas.style.width = `${size.width}px`;
    canvas.style.height = `${size.height}px`;
  }
  const context = canvas.getContext("2d");
  if (context === null) return;
  const style = getComputedStyle(document.documentElement);
  const halo = style.getPropertyValue("--rw-page").trim();
  const colors = { strong: "--rw-text", cluster: "--rw-text", plain: "--rw-muted" } as const;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.textBaseline = "middle";
  context.lineWidth = 4;
  context.strokeStyle = halo;
  const measure = (label: Label) => {
    context.font = FONT[label.weight];
    return context.measureText(label.text).width;
  };
  for (const { label, box } of placeLabels(labels, measure, size)) {
    context.font = FONT[label.weight];
    context.fillStyle = style.getPropertyValue(colors[label.weight]).trim();
    const y = (box.top + box.bottom) / 2;
    context.strokeText(label.text, box.left, y);
    context.fillText(label.text, box.left, y);
  }
}

/** Which labels are shown, and where: within the pane, never over one another, the first come first. */
export function placeLabels(
  labels: readonly Label[],
  measure: (label: Label) => number,
  size: Dimensions,
): readonly { readonly label: Label; readonly box: Box }[] {
  const placed: { readonly label: Label; readonly box: Box }[] = [];
  for (const label of labels) {
    if (placed.length >= LABELS_MAX) break;
    if (label.x < 0 || label.y < 0 || label.x > size.width || label.y > size.height) continue;
    const box = boxOf(label, measure(label));
    if (!placed.some((other) => touches(other.box, box))) placed.push({ label, box });
  }
  return placed;
}

/** Right of a point; above a segment's disc. */
function boxOf(label: Label, width: number): Box {
  const height = HEIGHT[label.weight];
  const left = label.weight === "cluster" ? label.x - width / 2 : label.x + label.gap;
  const top = label.weight === "cluster" ? label.y - height - 2 : label.y - height / 2;
  return { left, top, right: left + width, bottom: top + height };
}

function touches(one: Box, two: Box): boolean {
  return (
    one.left < two.right + MARGIN &&
    two.left < one.right + MARGIN &&
    one.top < two.bottom + 1 &&
    two.top < one.bottom + 1
  );
}
