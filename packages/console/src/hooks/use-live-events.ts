import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { followEvents, type LiveState } from "../api/live-events.ts";

/** Follows the controller's events while the component is shown. */
export function useLiveEvents(): LiveState {
  const queries = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");
  useEffect(() => followEvents(queries, setState), [queries]);
  return state;
}
