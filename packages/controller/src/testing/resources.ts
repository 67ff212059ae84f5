import { API_VERSION, type Mode, type Segment } from "@ringwall/model";

/** A segment of which only this much matters. */
export function segmentOf(
  name: string,
  workloads: Segment["spec"]["workloads"] = { role: "web" },
  mode: Mode = "observe",
): Segment {
  return { apiVersion: API_VERSION, kind: "Segment", metadata: { name }, spec: { workloads, mode } };
}
