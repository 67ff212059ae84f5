/** The benchmark runs small in every test run: a real agent and a real controller lose no flow. */
import { describe, expect, test } from "vitest";
import { whyNot } from "../src/requirements.ts";
import { formatLoss, measureLoss } from "./loss.ts";

const why = whyNot();
if (why !== null) console.warn(`skipped: flows under load: ${why}`);

describe.skipIf(why !== null)("flows under load", () => {
  test("are stored, each one", async () => {
    const loss = await measureLoss({ tcpRate: 500, udpRate: 2000, seconds: 2 });
    expect(loss.lost).toEqual({});
    expect(loss.silent).toBe(0);
    expect(loss.tcp.stored).toBe(2000);
    expect(loss.udp.stored).toBe(4000);
    expect(formatLoss(loss)).toContain("lost silently: 0 flows of 0");
  });
});
