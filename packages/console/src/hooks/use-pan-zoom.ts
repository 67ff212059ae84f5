import { type PointerEvent, type RefObject, useCallback, useEffect, useRef, useState } from "react";
import type { Size } from "./use-element-size.ts";

/** Screen = world × zoom + (x, y). */
export type View = { readonly x: number; readonly y: number; readonly zoom: number };
export type Bounds = {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
};

const ZOOM_MIN = 0.08;
const ZOOM_MAX = 3;
/** Small pictures are not blown up to fill the pane. */
const ZOOM_FIT_MAX = 1.1;
const MARGIN_PX = 28;
const WHEEL_RATE = 0.0016;
/** A press that moves less is a click. */
const DRAG_PX_MIN = 4;

/** Moving and zooming of a picture in a pane; fits the picture until the user takes over. */
export function usePanZoom(pane: RefObject<HTMLElement | null>, size: Size, bounds: Bounds | null) {
  const [view, setView] = useState<View>({ x: 0, y: 0, zoom: 1 });
  const [own, setOwn] = useState(false);
  const drag = useRef<{ readonly x: number; readonly y: number; readonly view: View } | null>(null);
  const { left, top, right, bottom } = bounds ?? { left: 0, top: 0, right: 0, bottom: 0 };
  const { width, height } = size;

  useEffect(() => {
    if (!own && width > 0 && right > left) setView(fitView({ left, top, right, bottom }, { width, height }));
  }, [own, width, height, left, top, right, bottom]);

  const zoomAt = useCallback((factor: number, x: number, y: number) => {
    setOwn(true);
    setView((now) => {
      const zoom = Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, now.zoom * factor));
      const scale = zoom / now.zoom;
      return { zoom, x: x - (x - now.x) * scale, y: y - (y - now.y) * scale };
    });
  }, []);

  useEffect(() => {
    const element = pane.current;
    if (element === null) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      zoomAt(Math.exp(-event.deltaY * WHEEL_RATE), event.clientX - box.left, event.clientY - box.top);
    };
    // React's own wheel listeners can't keep the page from scrolling.
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, [pane, zoomAt]);

  const handlers = {
    onPointerDown: (event: PointerEvent) => {
      if (event.button === 0) drag.current = { x: event.clientX, y: event.clientY, view };
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      const start = drag.current;
      if (start === null) return;
      const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
      if (Math.hypot(dx, dy) < DRAG_PX_MIN) return;
      if (!event.currentTarget.hasPointerCapture(event.pointerId)) {
        event.currentTarget.setPointerCapture(event.pointerId);
      }
      setOwn(true);
      setView({ ...start.view, x: start.view.x + dx, y: start.view.y + dy });
    },
    onPointerUp: () => {
      drag.current = null;
    },
    onPointerCancel: () => {
      drag.current = null;
    },
  };
  const zoomBy = (factor: number) => zoomAt(factor, width / 2, height / 2);
  return { view, handlers, zoomBy, fit: () => setOwn(false) };
}

function fitView(bounds: Bounds, size: Size): View {
  const width = bounds.right - bounds.left;
  const height = bounds.bottom - bounds.top;
  const across = (size.width - 2 * MARGIN_PX) / width;
  const down = (size.height - 2 * MARGIN_PX) / height;
  const zoom = Math.max(ZOOM_MIN, Math.min(ZOOM_FIT_MAX, across, down));
  return {
    zoom,
    x: size.width / 2 - ((bounds.left + bounds.right) / 2) * zoom,
    y: size.height / 2 - ((bounds.top + bounds.bottom) / 2) * zoom,
  };
}
