/** No attempt meets half a policy: revisions are switched while processes connect as fast as they can. */

import { lowerHost } from "@ringwall/policy/lower";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DenialEvent, FlowRecord } from "../kernel/contract.ts";
import { type Running, TestHost } from "../kernel/testing/host.ts";
import { python } from "../kernel/testing/programs.ts";
import { whyNoKernelTests } from "../kernel/testing/requirements.ts";
import { planKernel } from "../plan/kernel-plan.ts";
import { CLIENTS, identitiesOf, mixtures, PORTS, revisionOf } from "../testing/switching.ts";
import { createEnforcer } from "./enforcer.ts";

const SWITCHES = 1000;
const PLANTED = 20;
/** Flows are drained so often that the kernel's buffer can't fill. */
const DRAIN_EVERY = 50;

/** Connects to both ports in turn until it is told to end; prints how often each port answered with each error. */
const CONNECT = `
import signal, struct
signal.signal(signal.SIGTERM, lambda *_: globals().update(ending=True))
ending, seen = False, {}
print("ready", flush=True)
while not ending:
    for port in args:
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        key = port + " " + str(s.connect_ex(("127.0.0.1", int(port))))
        seen[key] = seen.get(key, 0) + 1
        s.close()
print(json.dumps(seen), flush=True)`;

const SERVE = `
import os, selectors
ports = selectors.DefaultSelector()
for port in args:
    s = socket.create_server(("127.0.0.1", int(port)), backlog=4096)
    s.setblocking(False)
    ports.register(s, selectors.EVENT_READ)
os.fork()
print("ready", flush=True)
while True:
    for key, _ in ports.select():
        try:
            while True: key.fileobj.accept()[0].close()
        except BlockingIOError: pass`;

type Seen = { readonly flows: readonly FlowRecord[]; readonly tried: Readonly<Record<string, number>> };

describe.skipIf(whyNoKernelTests("switch-under-load.test.ts") !== undefined)(
  "switching revisions under load",
  () => {
    let host: TestHost;
    const ports = PORTS.map(String);

    beforeAll(async () => {
      host = new TestHost("s");
      await host.provision({});
      await host.start(python(SERVE, ...ports));
    });
    afterAll(() => host.close());

    /** Lets processes connect while `work` goes on; what they tried, and what the kernel counted of it. */
    async function underLoad(work: (drain: () => Promise<void>) => Promise<void>): Promise<Seen> {
      await host.flows();
      host.events.length = 0;
      const clients: Running[] = [];
      for (const identity of CLIENTS) clients.push(await host.start(python(CONNECT, ...ports), identity));
      const flows: FlowRecord[] = [];
      const drain = async () => {
        flows.push(...(await host.kernel.drainFlows()));
      };
      await work(drain);
      const tried: Record<string, number> = {};
      for (const client of clients) {
        client.child.kill("SIGTERM");
        // The program of this file printed it.
        const counts = JSON.parse(await client.line()) as Record<string, number>;
        for (const [key, count] of Object.entries(counts)) tried[key] = (tried[key] ?? 0) + count;
      }
      flows.push(...(await host.flows()));
      return { flows: flows.filter((flow) => flow.direction === "out"), tried };
    }

    const denials = () => host.events.filter((event): event is DenialEvent => event.type === "denial");

    test(`${SWITCHES} switches: every attempt met one whole revision, and none is missing`, async () => {
      const enforcer = createEnforcer(host.kernel, identitiesOf);
      await enforcer.apply(1n, revisionOf(1));
      const { flows, tried } = await underLoad(async (drain) => {
        for (let generation = 2; generation <= SWITCHES + 1; generation++) {
          await enforcer.apply(BigInt(generation), revisionOf(generation));
          if (generation % DRAIN_EVERY === 0) await drain();
        }
      });

      expect(mixtures(flows, denials())).toEqual([]);
      const counted = (blocked: boolean) =>
        flows.reduce(
          (sum, { count, verdict }) => sum + ((verdict === "blocked") === blocked ? Number(count) : 0),
          0,
        );
      const answered = (error: number) =>
        ports.reduce((sum, port) => sum + (tried[`${port} ${error}`] ?? 0), 0);
      expect({ refused: counted(true), connected: counted(false) }).toEqual({
        refused: answered(host.refusal),
        connected: answered(0),
      });
      // The traffic met most of the revisions, or the test says little.
      const met = new Set(flows.map(({ rule }) => Math.floor((rule - 1) / 4)));
      expect(met.size).toBeGreaterThan(SWITCHES / 2);
      expect(denials().length).toBeGreaterThan(0);
      expect(host.kernel.counters().flowsFull).toBe(0n);
    });

    test("an apply that is not atomic is caught", async () => {
      const { flows } = await underLoad(async (drain) => {
        for (let generation = 1; generation <= PLANTED; generation++) {
          const liveSlot = host.kernel.liveSlot();
          const desired = {
            generation: BigInt(generation),
            lowered: lowerHost(revisionOf(generation)),
            identities: identitiesOf(),
          };
          const { slot, contents } = planKernel(desired, { liveSlot, generation: 0n });
          const former = planKernel(
            { ...desired, lowered: lowerHost(revisionOf(generation + 1)) },
            { liveSlot, generation: 0n },
          );
          await host.kernel.writeSlot(slot, { ...contents, subjects: former.contents.subjects });
          host.kernel.switchSlot(slot);
          // Half of it is in force for as long as this takes.
          await drain();
          host.kernel.addSubjects(slot, contents.subjects);
        }
      });
      expect(mixtures(flows, denials())).not.toEqual([]);
    });
  },
);
