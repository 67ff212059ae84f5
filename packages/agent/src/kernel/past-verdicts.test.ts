/**
 * The kernel remembers what it allowed (bpf/verdict_cache.h). Each test has the same program make the same connection until
 * that is remembered, changes what the verdict was made of, and has it made once more. All on one CPU, as each has its own
 * memory.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PolicyEntry } from "./contract.ts";
import { remote } from "./generated/layout.ts";
import { type Running, TestHost, wire } from "./testing/host.ts";
import { allow, deny, peer, subjects } from "./testing/policies.ts";
import { python, serve } from "./testing/programs.ts";
import { newPair, setKeys, turnOff, turnOn } from "./testing/proofs.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const CLIENT = 11;
const OTHER = 12;
const SERVER = 21;
const PEER_A = 4;
const PEER_B = 5;
const CLIENT_NUMBER = 4711;
const OTHER_NUMBER = 4712;
const SERVER_NUMBER = 4713;
const IP = "10.77.0.2";
const PORTS = [8000, 8001, 8002] as const;
const PORT = PORTS[0];
/** The second meets what the first has left. */
const TIMES = 2;

/** Connects to each port that it reads; prints what came of it. */
const CLIENT_LINES = `
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print("ready", flush=True)
for line in sys.stdin:
    s = socket.socket()
    s.settimeout(5)
    error = 0
    try: s.connect((args[0], int(line)))
    except OSError as problem: error = problem.errno or -1
    s.close()
    print(error, flush=True)`;

describe.skipIf(whyNoKernelTests("past-verdicts.test.ts"))("what was allowed a moment ago", () => {
  let a: TestHost;
  let b: TestHost;
  let client: Running;

  beforeAll(async () => {
    a = new TestHost("a");
    b = new TestHost("b");
    wire(a, b);
    for (const port of PORTS) await b.start(serve(IP, port), SERVER);
    client = await a.start(python(CLIENT_LINES, IP), CLIENT);
  });
  afterAll(async () => {
    await a.close();
    await b.close();
  });

  const web = { subject: CLIENT, peer: PEER_B, port: PORT, portBits: 16 } as const;
  const into = { subject: SERVER, peer: PEER_A, port: PORT, portBits: 16, direction: "in" } as const;
  const outbound = (policies: readonly PolicyEntry[]) => ({
    modeOut: "block" as const,
    policies,
    peers: [peer(IP, PEER_B)],
    subjects: subjects(CLIENT, OTHER),
  });
  const inbound = (policies: readonly PolicyEntry[]) => ({
    modeIn: "block" as const,
    policies,
    peers: [peer("10.77.0.1", PEER_A)],
    subjects: subjects(SERVER),
  });

  async function reach(port: number): Promise<boolean> {
    client.child.stdin?.write(`${port}\n`);
    return (await client.line()) === "0";
  }
  async function remembered(): Promise<void> {
    for (let i = 0; i < TIMES; i++) expect(await reach(PORT)).toBe(true);
  }
  function clientIs(identity: number): void {
    const { uid, cgroupId } = keyOfClient();
    a.kernel.setIdentity({ exeId: CLIENT, scriptId: 0, uid, cgroupId }, identity);
  }
  function keyOfClient() {
    const event = a.events.find((one) => one.type === "exec" && one.tgid === client.child.pid);
    if (event?.type !== "exec") throw new Error("nobody has told of the client's execution");
    return { uid: event.uid, cgroupId: event.task.cgroupId };
  }

  test("is refused by an entry that comes before the one that allowed it", async () => {
    await a.provision(outbound([allow({ subject: CLIENT })]));
    await b.provision({});
    await remembered();
    a.kernel.addPolicies(a.kernel.liveSlot(), [deny(web)]);
    expect(await reach(PORT)).toBe(false);
  });

  test("is refused once its software is of another class", async () => {
    await a.provision(outbound([allow(web)]));
    await remembered();
    a.kernel.addSubjects(a.kernel.liveSlot(), [{ identity: CLIENT, subject: OTHER }]);
    expect(await reach(PORT)).toBe(false);
  });

  test("is refused once its software turns out to be other software", async () => {
    await a.provision(outbound([allow(web)]));
    await remembered();
    clientIs(OTHER);
    expect(await reach(PORT)).toBe(false);
    clientIs(CLIENT);
    expect(await reach(PORT)).toBe(true);
  });

  test("is refused by the next revision, and by the one after it in the slot of the first", async () => {
    for (let revision = 0; revision < 2; revision++) {
      await a.provision(outbound([allow(web)]));
      await remembered();
      await a.provision(outbound([]));
      expect(await reach(PORT)).toBe(false);
      await a.provision(outbound([allow({ ...web, port: PORTS[1] })]));
      expect(await reach(PORT)).toBe(false);
    }
  });

  test("is allowed again by the next revision in the slot whose entry another took the place of", async () => {
    for (const policies of [[allow(web)], []]) {
      await a.provision(outbound(policies));
      a.kernel.addPolicies(a.kernel.liveSlot(), [deny(web)]);
      expect(await reach(PORT)).toBe(false);
    }
    await a.provision(outbound([allow(web)]));
    expect(await reach(PORT)).toBe(true);
  });

  test("is allowed by another rule, which its flow names", async () => {
    await a.provision(outbound([allow({ subject: CLIENT, rule: 1 })]));
    await remembered();
    await a.flows();
    a.kernel.addPolicies(a.kernel.liveSlot(), [allow({ ...web, rule: 2 })]);
    expect(await reach(PORT)).toBe(true);
    expect((await a.flows()).filter(({ count }) => count > 0n)).toMatchObject([{ rule: 2, count: 1n }]);
  });

  test("is refused at the other end by an entry that comes before", async () => {
    await a.provision({});
    await b.provision(inbound([allow({ subject: SERVER, direction: "in" })]));
    await remembered();
    b.kernel.addPolicies(b.kernel.liveSlot(), [deny(into)]);
    expect(await reach(PORT)).toBe(false);
  });

  describe("by what it proved", () => {
    const byRemote = inbound([
      allow({ ...into, remote: remote.first }),
      deny({ ...into, remote: remote.first + 1 }),
      deny({ ...into, remote: remote.unknown }),
    ]);
    const remotes = [
      { number: CLIENT_NUMBER, remote: remote.first },
      { number: OTHER_NUMBER, remote: remote.first + 1 },
    ];

    beforeAll(async () => {
      setKeys(a, b, newPair());
      turnOn(a);
      turnOn(b);
      b.kernel.proof.setNumber(SERVER, SERVER_NUMBER);
    });
    afterAll(() => {
      turnOff(a);
      turnOff(b);
    });
    const proving = async () => {
      await a.provision({});
      a.kernel.proof.setNumber(CLIENT, CLIENT_NUMBER);
      await b.provision({ ...byRemote, remotes });
      await remembered();
    };

    test("is refused at the other end once the number is of another class", async () => {
      await proving();
      b.kernel.addRemotes(b.kernel.liveSlot(), [{ number: CLIENT_NUMBER, remote: remote.first + 1 }]);
      expect(await reach(PORT)).toBe(false);
    });

    test("is refused at the other end once its software has another number", async () => {
      await proving();
      a.kernel.proof.setNumber(CLIENT, OTHER_NUMBER);
      expect(await reach(PORT)).toBe(false);
    });
  });

  /** What changes a verdict, and what each makes of the model below. */
  type Model = { readonly rules: Map<string, boolean>; subject: number; identity: number };
  type Change = { readonly run: (model: Model) => Promise<void> | void };
  const key = (subject: number, port: number) => `${subject} ${port}`;
  const entries = fc.array(
    fc.record({
      subject: fc.constantFrom(CLIENT, OTHER),
      port: fc.constantFrom(...PORTS),
      allowed: fc.boolean(),
    }),
    { maxLength: 6 },
  );
  const written = (list: readonly { subject: number; port: number; allowed: boolean }[]) =>
    [...new Map(list.map((one) => [key(one.subject, one.port), one])).values()].map((one) =>
      (one.allowed ? allow : deny)({ ...web, subject: one.subject, port: one.port }),
    );
  const change: fc.Arbitrary<Change> = fc.oneof(
    entries.map((list) => ({
      run: async (model: Model) => {
        await a.provision(outbound(written(list)));
        model.rules.clear();
        model.subject = CLIENT;
        for (const { subject, port, allowed } of list) model.rules.set(key(subject, port), allowed);
      },
    })),
    entries.map((list) => ({
      run: (model: Model) => {
        a.kernel.addPolicies(a.kernel.liveSlot(), written(list));
        for (const { subject, port, allowed } of list) model.rules.set(key(subject, port), allowed);
      },
    })),
    fc.constantFrom(CLIENT, OTHER).map((subject) => ({
      run: (model: Model) => {
        a.kernel.addSubjects(a.kernel.liveSlot(), [{ identity: CLIENT, subject }]);
        model.subject = subject;
      },
    })),
    fc.constantFrom(CLIENT, OTHER).map((identity) => ({
      run: (model: Model) => {
        clientIs(identity);
        model.identity = identity;
      },
    })),
  );

  test("and all else is as if nothing were remembered, after any changes", async () => {
    await b.provision({});
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 3, maxLength: 12 }), async (changes) => {
        const model: Model = { rules: new Map(), subject: CLIENT, identity: CLIENT };
        clientIs(CLIENT);
        await a.provision(outbound([]));
        for (const { run } of changes) {
          await run(model);
          const subject = model.identity === CLIENT ? model.subject : OTHER;
          for (const port of [...PORTS, ...PORTS])
            expect(await reach(port)).toBe(model.rules.get(key(subject, port)) === true);
        }
      }),
      { numRuns: 15 },
    );
    clientIs(CLIENT);
  });
});
