import type { DiagramInput, DiagramLayout } from "../../util/diagram-types.ts";
import type { OverviewInput, OverviewLayout } from "../../util/overview-layout.ts";
import type { LayoutReply, LayoutRequest } from "./layout-messages.ts";

let worker: Worker | null = null;
let lastId = 0;
const waiting = new Map<number, (reply: LayoutReply) => void>();

export async function layOutDiagramInWorker(input: DiagramInput): Promise<DiagramLayout> {
  const reply = await ask((id) => ({ id, kind: "diagram", input }));
  if (reply.kind !== "diagram") throw new Error("bug: the layout worker answered another question");
  return reply.layout;
}

export async function layOutOverviewInWorker(input: OverviewInput): Promise<OverviewLayout> {
  const reply = await ask((id) => ({ id, kind: "overview", input }));
  if (reply.kind !== "overview") throw new Error("bug: the layout worker answered another question");
  return reply.layout;
}

/** Starts the worker before it is needed: while the map's data is under way, not after it came. */
export function startLayoutWorker(): Worker {
  if (worker !== null) return worker;
  worker = new Worker(new URL("./layout-worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("message", (event: MessageEvent<LayoutReply>) => {
    waiting.get(event.data.id)?.(event.data);
    waiting.delete(event.data.id);
  });
  return worker;
}

function ask(request: (id: number) => LayoutRequest): Promise<LayoutReply> {
  lastId += 1;
  const id = lastId;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    startLayoutWorker().postMessage(request(id));
  });
}
