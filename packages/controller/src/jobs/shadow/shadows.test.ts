import { afterAll, beforeAll, expect, it } from "vitest";
import { createHub, type Outgoing } from "../../api/agents/hub.ts";
import { loadFleet } from "../../store/state/fleet.ts";
import { segmentOf } from "../../testing/resources.ts";
import { startTestState, type TestState } from "../../testing/test-state.ts";
import { createShadows } from "./shadows.ts";

let state: TestState;
beforeAll(async () => {
  state = await startTestState();
});
afterAll(() => state.remove());

const segment = (number: number) => segmentOf(`s-${number}`, { role: `role-${number}` });

it("tells each host that connects of the shadow, and reads nothing of the draft for it", async () => {
  const fleet = await loadFleet(state.db);
  await fleet.enroll("web-1", {}, ["10.0.0.1"], "1");
  const sent: Outgoing["case"][] = [];
  const hub = createHub(() => undefined);
  const shadows = createShadows({
    db: state.db,
    fleet,
    hub: { ...hub, send: (_workload, message) => sent.push(message.case) > 0 },
    essential: { controller: { addresses: [], port: 443 }, management: [], resolvers: null },
    onChange: () => undefined,
  });
  const draft = Array.from({ length: 1_000 }, (_, number) => segment(number));
  expect((await shadows.start(draft, 60, "test")).ok).toBe(true);
  const greeting = await state.bytesRead(() => shadows.greet("web-1"));
  expect(sent).toEqual(["shadowStart", "shadowStart"]);
  expect(greeting).toBeLessThan(JSON.stringify(draft).length / 10);
  const last = await shadows.last();
  expect(last.ok && last.value.draft).toHaveLength(1_000);
  expect(await state.bytesRead(() => shadows.stop("test"))).toBeLessThan(1_000);
});
