// A host that asks for certificates all the time keeps none of them when it is revoked.
import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { agentClient, certificateRequest, pemOf } from "../testing/test-agent.ts";
import {
  connectDatabase,
  enrollHost,
  startTestController,
  type TestController,
} from "../testing/test-controller.ts";

let controller: TestController;
let database: pg.Client;
beforeAll(async () => {
  controller = await startTestController();
  database = await connectDatabase(controller);
});
afterEach(() => database.query("ROLLBACK"));
afterAll(async () => {
  await database.end();
  await controller.remove();
});

const enrol = (workload: string) => enrollHost(controller, workload);

/** The database keeps the first of both waiting until the second has begun. */
it.each([
  ["before", true],
  ["after", false],
])("a certificate that is asked for %s its workload enrols again is not good", async (when, isFirst) => {
  const workload = `web-${when}-${randomUUID()}`;
  const { client, identity } = await enrol(workload);
  await database.query("BEGIN");
  await database.query("LOCK TABLE certificates IN SHARE ROW EXCLUSIVE MODE");
  const waiting = async () => {
    const { rows } = await database.query(
      "SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted AND relation = 'certificates'::regclass",
    );
    return rows[0].count;
  };
  const { csr, keyPem } = await certificateRequest();
  const asked = [() => client.renew({ csr }), () => enrol(workload)];
  const [first, second] = isFirst ? asked : asked.toReversed();
  const one = first?.();
  await expect.poll(waiting).toBe(1);
  const used = "SELECT count(*)::int AS count FROM enrollment_tokens WHERE workload = $1 AND uses_left = 0";
  const other = second?.();
  await expect.poll(async () => (await database.query(used, [workload])).rows[0].count).toBe(2);
  await database.query("COMMIT");
  const [renewed, enrolled] = (await Promise.allSettled(isFirst ? [one, other] : [other, one])) as [
    PromiseSettledResult<Awaited<ReturnType<typeof client.renew>>>,
    PromiseSettledResult<Awaited<ReturnType<typeof enrol>>>,
  ];
  if (renewed.status === "fulfilled") {
    const certificatePem = renewed.value.certificateChain.map(pemOf).join("");
    const again = agentClient(controller.agentsUrl, { ...identity, keyPem, certificatePem });
    await expect(again.reportStatus({ workload })).rejects.toThrow("was replaced");
  }
  if (enrolled.status === "rejected") throw enrolled.reason;
  await enrolled.value.client.reportStatus({ workload });
});
