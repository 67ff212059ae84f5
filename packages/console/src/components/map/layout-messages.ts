import type { DiagramInput, DiagramLayout } from "../../util/diagram-types.ts";
import type { OverviewInput, OverviewLayout } from "../../util/overview-layout.ts";

export type LayoutRequest =
  | { readonly id: number; readonly kind: "diagram"; readonly input: DiagramInput }
  | { readonly id: number; readonly kind: "overview"; readonly input: OverviewInput };

export type LayoutReply =
  | { readonly id: number; readonly kind: "diagram"; readonly layout: DiagramLayout }
  | { readonly id: number; readonly kind: "overview"; readonly layout: OverviewLayout };
