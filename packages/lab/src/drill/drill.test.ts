/** The acceptance test of the bypass list: a drill between two hosts in block, by the controller, as an operator starts it. */
import { alertView, auditView, type DrillView, drillView } from "@ringwall/protocol/rest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, openLab } from "../hosts/lab.ts";
import { whyNot } from "../requirements.ts";
import { Agents } from "../ringwall/agents.ts";
import type { Operator } from "../ringwall/command.ts";
import { startController } from "../ringwall/controller.ts";

const missing = whyNot();
if (missing !== null) console.warn(`skipped: the drill: ${missing}`);

/** In block both ways, and not one rule: the drill brings its own. */
const CLOSED = `apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: closed }
spec:
  workloads: { app: crm }
  modes: { inbound: block, outbound: block, processes: observe }
`;

describe.skipIf(missing !== null)("a drill between two hosts in block", () => {
  let lab: Lab;
  let operator: Operator;
  let view: DrillView;

  beforeAll(async () => {
    lab = (await openLab()).lab;
    operator = (await startController(lab)).operator;
    const agents = new Agents(lab, operator);
    await agents.enrol();
    await agents.settled();
    lab.host("controller").writeFile("/srv/closed.yaml", CLOSED);
    await operator.type("apply", "/srv/closed.yaml");
    await operator.type("provision", "--note", "block, for a drill");
    await operator.type("confirm");
    await agents.settled();
    const ended = await operator.try("drill", "web", "app", "--json");
    if (ended.code === 2)
      throw new Error(`${ended.stderr}\nweb: ${agents.tail("web")}\napp: ${agents.tail("app")}`);
    view = drillView.parse(JSON.parse(ended.stdout));
    expect(ended.code).toBe(view.rows.some(({ result }) => result === "got-through") ? 1 : 0);
    for (const { canary, result, step, errno, why } of view.rows)
      process.stdout.write(`${result.padEnd(14)} ${canary.padEnd(32)} ${step}:${errno} ${why}\n`);
  }, 240_000);
  afterAll(() => lab?.close());

  const withResult = (result: string) =>
    view.rows.filter((row) => row.result === result).map(({ canary }) => canary);

  it("shows that the way is open to what is allowed, at both ends", () => {
    expect(withResult("control").sort()).toEqual(["control", "receiver-control", "script-decoy"]);
  });

  it("lets nothing through that the threat model does not name", () => {
    expect(withResult("got-through")).toEqual([]);
    expect(withResult("refused").length).toBeGreaterThan(40);
  });

  it("says what can't be refused, why, and what somebody needs for it", () => {
    for (const row of view.rows.filter(({ result }) => result === "not-refusable"))
      expect([row.why === "", row.needs === ""]).toEqual([false, false]);
  });

  it("leaves nothing on the hosts, and is in the audit log", async () => {
    for (const name of ["web", "app"] as const) {
      const { stdout } = await lab
        .host(name)
        .run({ unit: "look.service", argv: ["sh", "-c", "ls -d /run/ringwall-drill-* || true"] });
      expect(stdout).toBe("");
    }
    const audit = await operator.ask(auditView, "get", "audit");
    expect(audit.map(({ what }) => what)).toContain("start drill");
  });

  it("alerts nobody but for raw sockets, and teaches the learner nothing", async () => {
    const alerts = await operator.ask(alertView, "get", "alerts");
    // Making one has no peer and no port by which it could be told from another's.
    const raw = "making a raw or packet socket was blocked";
    const own = /ringwall-(?:drill|canary|decoy)|canary\.py|decoy\.py/;
    expect(
      alerts.map(({ message }) => message).filter((message) => own.test(message) && !message.endsWith(raw)),
    ).toEqual([]);
    const flows = await operator.type("get", "flows", "--json");
    expect(own.test(flows)).toBe(true);
    const learned = await operator.type("learn", "--json", "--keep-draft");
    expect(own.test(learned)).toBe(false);
  });

  it("is refused by name where a host is not there, or nothing is in block", async () => {
    const unknown = await operator.try("drill", "web", "nobody");
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("no workload `nobody`")]);
    const open = await operator.try("drill", "jump", "app");
    expect([open.code, open.stderr]).toEqual([2, expect.stringContaining("where nothing is refused")]);
  });
});
