import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../hosts/lab.ts";
import type { Service } from "../hosts/process.ts";
import { onThisMachine } from "../slowness.ts";
import { hosts } from "../topology.ts";
import { CONTROLLER_DATA, Operator, ringwall } from "./command.ts";

const READY_MS_MAX = 90_000;
const READY_POLL_MS = 300;
const AGENTS_PORT = 7481;

export type RunningController = { readonly service: Service; readonly operator: Operator };

/** The controller on a machine of its own; only the jump host belongs to its management list. */
export async function startController(lab: Lab): Promise<RunningController> {
  const host = lab.host("controller");
  const { jump, controller } = hosts;
  const service = host.start(
    ringwall("ringwall-controller.service", [
      ...["controller", "run", "--data", CONTROLLER_DATA],
      ...["--listen-agents", `${controller.ipv4}:${AGENTS_PORT}`],
      ...["--advertise-agents", `https://${controller.ipv4}:${AGENTS_PORT}`],
      ...["--management", `${jump.ipv4}/32,${jump.ipv6}/128=tcp/22`],
      ...["--log-level", "info"],
    ]),
  );
  const operator = new Operator(host, service);
  const deadline = Date.now() + onThisMachine(READY_MS_MAX);
  while ((await operator.try("status", "--json")).code !== 0) {
    if (service.ended !== null) throw new Error(`the controller ended at once:\n${service.tail()}`);
    if (Date.now() > deadline) throw new Error(`the controller does not get ready:\n${service.tail()}`);
    await sleep(READY_POLL_MS);
  }
  return { service, operator };
}
