import { layOutDiagram } from "../../util/diagram-layout.ts";
import { layOutOverview } from "../../util/overview-layout.ts";
import type { LayoutReply, LayoutRequest } from "./layout-messages.ts";

// Layouts run here, so that the page answers while they do.
self.addEventListener("message", (event: MessageEvent<LayoutRequest>) => {
  const request = event.data;
  const reply: LayoutReply =
    request.kind === "diagram"
      ? { id: request.id, kind: "diagram", layout: layOutDiagram(request.input) }
      : { id: request.id, kind: "overview", layout: layOutOverview(request.input) };
  self.postMessage(reply);
});
