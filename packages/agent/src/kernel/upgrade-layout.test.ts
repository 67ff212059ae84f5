/** An object whose maps have another layout takes the place of the one in force, and the other way, while traffic flows. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readMapsName } from "../state/clocks.ts";
import { decodeExecutable } from "./generated/layout.ts";
import { KernelMap } from "./kernel-map.ts";
import { type Running, TestHost, wire } from "./testing/host.ts";
import { allow, subjects } from "./testing/policies.ts";
import { connect, python, serve } from "./testing/programs.ts";
import { OBJECT_PATH, whyNoKernelTests } from "./testing/requirements.ts";
import { buildVariant, canBuild, type Edit } from "./testing/variant.ts";

const CLIENT = 11;
const STRANGER = 12;
const SERVER = 21;
const PORT = 8000;
/** For compiling and loading on a machine that others use. */
const BUILD_MS_MAX = 300_000;

/** Fields that come and move, maps that grow and shrink, fewer slots: all that holds what is enforced and who is who. */
const OTHER_LAYOUT: readonly Edit[] = [
  [
    "ringwall.h",
    "\t__u32 exe_id; /* the agent's number of the file's content */\n\t__u32 flags; /* enum rw_executable_flag */",
    "\t__u64 age;\n\t__u32 flags;\n\t__u32 exe_id;",
  ],
  ["sizes.h", "RW_SIZE(rw_executable, 8)", "RW_SIZE(rw_executable, 16)"],
  [
    "maps.h",
    "65536);\n\t__type(key, __u32);\n\t__type(value, struct rw_task)",
    "131072);\n\t__type(key, __u32);\n\t__type(value, struct rw_task)",
  ],
  ["ringwall.h", "\t__u32 levels_remote[2];\n", "\t__u32 levels_remote[2];\n\t__u64 tried;\n"],
  ["sizes.h", "RW_SIZE(rw_slot, 56)", "RW_SIZE(rw_slot, 64)"],
  ["ringwall.h", "RW_CARRIED_MAX = 1000", "RW_CARRIED_MAX = 900"],
  ["ringwall.h", "RW_WORKLOADS = 1001", "RW_WORKLOADS = 901"],
  ["ringwall.h", "RW_SLOTS = 3003", "RW_SLOTS = 2703"],
  ["maps.h", "struct connection {\n", "struct connection {\n\t__u64 colour;\n"],
  [
    "maps.h",
    "__uint(max_entries, RW_IDENTITIES_MAX);\n\t__type(key, struct rw_identity_key)",
    "__uint(max_entries, 65536);\n\t__type(key, struct rw_identity_key)",
  ],
  ["maps.h", "__uint(max_entries, 4 << 20)", "__uint(max_entries, 8 << 20)"],
];

/** A key that says more: what the former programs knew is not enough to fill it. */
const OTHER_KEY: readonly Edit[] = [
  ["ringwall.h", "struct rw_identity_key {\n", "struct rw_identity_key {\n\t__u64 pod;\n"],
  ["sizes.h", "RW_SIZE(rw_identity_key, 24)", "RW_SIZE(rw_identity_key, 32)"],
];

/** Opens connections all the time until a file appears; prints how many it tried, and the error of each that failed. */
const connecting = (until: string): string[] =>
  python(
    `
import os, time
print("ready", flush=True)
tries, errors = 0, []
while not os.path.exists(args[0]):
    tries += 1
    s = socket.socket(); s.settimeout(15)
    try:
        s.connect(("10.77.0.2", ${PORT})); s.recv(10)
    except OSError as problem: errors.append(problem.errno or -1)
    s.close(); time.sleep(0.002)
print(json.dumps({"tries": tries, "errors": errors}), flush=True)`,
    until,
  );

const FILE = { inode: 5n, ctimeNs: 6n, device: 7, generation: 8 };

type Tried = { readonly tries: number; readonly errors: readonly number[] };

describe.skipIf(whyNoKernelTests("upgrade-layout.test.ts") !== undefined || !canBuild)(
  "programs whose maps have another layout",
  () => {
    let folder: string;
    let variant: string;
    let a: TestHost;
    let b: TestHost;

    beforeAll(async () => {
      folder = mkdtempSync(`${tmpdir()}/ringwall-variant-`);
      variant = buildVariant(folder, OTHER_LAYOUT);
      a = new TestHost("a");
      b = new TestHost("b");
      wire(a, b);
      const port = { port: PORT, portBits: 16 };
      await a.provision({
        modeOut: "block",
        subjects: subjects(CLIENT),
        policies: [allow({ subject: CLIENT, ...port })],
      });
      await b.provision({
        modeIn: "block",
        subjects: subjects(SERVER),
        policies: [allow({ subject: SERVER, direction: "in", ...port })],
      });
      await b.start(serve("10.77.0.2", PORT, { send: 1 }), SERVER);
    }, BUILD_MS_MAX);
    afterAll(async () => {
      await a.close();
      await b.close();
      rmSync(folder, { recursive: true });
    });

    /** An agent that was upgraded loads its programs, and opens the maps that are there now. */
    const upgrade = (object: string) => {
      for (const host of [a, b]) {
        host.load(object);
        host.reopen();
      }
    };
    const entries = (host: TestHost, map: string): number => {
      const opened = KernelMap.openPinned(host.pin, map);
      const { entries: room } = opened.shape;
      opened.close();
      return room;
    };
    const reach = async (identity: number) =>
      (await a.ask<{ errno: number }>(connect("10.77.0.2", PORT, { read: 1 }), identity)).errno;

    test(
      "take over policy, identities and connections: known software goes on, and nothing else passes",
      async () => {
        const stop = `${folder}/stop`;
        const known: Running = await a.start(connecting(stop), CLIENT);
        const stranger: Running = await a.start(connecting(stop), STRANGER);
        const name = await readMapsName(a.pin);
        a.kernel.setExecutable(FILE, 77, true);
        for (const [object, workloads] of [
          [variant, 901],
          [OBJECT_PATH, 1001],
          [variant, 901],
          [OBJECT_PATH, 1001],
        ] as const) {
          upgrade(object);
          expect(entries(a, "workloads")).toBe(workloads);
          expect(entries(a, "policies")).toBe(3 * workloads);
          expect(await readMapsName(a.pin)).toBe(name);
          expect(await reach(CLIENT)).toBe(0);
          expect(await reach(STRANGER)).toBe(a.refusal);
        }
        const executables = KernelMap.openPinned(a.pin, "executables");
        const kept = [...executables.keys()].map((key) => decodeExecutable(executables.get(key) ?? key));
        executables.close();
        expect(kept).toEqual([{ exeId: 77, flags: 1 }]);
        writeFileSync(stop, "");
        const [good, bad]: Tried[] = [JSON.parse(await known.line()), JSON.parse(await stranger.line())];
        expect(good?.errors).toEqual([]);
        expect(good?.tries).toBeGreaterThan(20);
        expect(bad?.tries).toBeGreaterThan(0);
        expect(bad?.errors).toHaveLength(bad?.tries ?? 0);
      },
      BUILD_MS_MAX,
    );

    test("stay out where what holds identities can't be taken over, and say so", async () => {
      const other = mkdtempSync(`${tmpdir()}/ringwall-variant-`);
      try {
        const object = buildVariant(other, OTHER_KEY);
        expect(() => a.load(object)).toThrow(
          /map `identities` .*can't be taken over.*the programs in force stay/,
        );
      } finally {
        rmSync(other, { recursive: true });
      }
      expect(await reach(CLIENT)).toBe(0);
      expect(await reach(STRANGER)).toBe(a.refusal);
    });
  },
);
