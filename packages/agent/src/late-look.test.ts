/** Who gave way to others is looked at when it connects, and never taken for what it may not be. */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ANSWER_JOBS_MAX, ANSWERS_WAITING_MAX } from "./identify/answer.ts";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { PYTHON } from "./testing/connecting.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";

const GIGABYTES = 4 * 1024 ** 3;
const NOBODY = 65_534;
const AS_NOBODY = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
/** As many as are looked at together, and more than may wait, of one user. */
const LARGE = ANSWER_JOBS_MAX / 2;
const SMALL = ANSWERS_WAITING_MAX / 2;

/** Connects again and again once it may, until it is not wanted any more. */
const WAIT_AND_CONNECT = `
import os, socket, sys, time
flags = sys.argv[2]
while os.path.exists(flags) and not os.path.exists(flags + "/go"): time.sleep(0.05)
while os.path.exists(flags) and not os.path.exists(flags + "/end"):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=8).close()
        print("connected")
    except OSError: print("refused")
    time.sleep(0.3)
`;
const FLOOD = `
for file in large-*; do ./$file 100 & larges="$larges $!"; done
"$@" &
i=0; while [ $i -lt ${SMALL} ]; do i=$((i + 1)); /bin/sh -c :; done
touch flags/flooded
until [ -e flags/go ]; do sleep 0.1; done
kill $larges
wait`;

describe.skipIf(whyNoKernelTests("late-look.test.ts") !== undefined)(
  "an execution that gave way to others",
  () => {
    let host: AgentHost;
    beforeEach(async () => {
      host = await AgentHost.start();
    });
    afterEach(() => host.close());

    test("is named when it connects, by its executable alone, and is not what its arguments would say", async () => {
      for (let i = 0; i < LARGE; i++) {
        const path = `${host.folder}/large-${i}`;
        copyFileSync("/bin/sleep", path);
        truncateSync(path, GIGABYTES);
        chmodSync(path, 0o755);
        chownSync(path, NOBODY, NOBODY);
      }
      const flags = `${host.folder}/flags`;
      mkdirSync(flags);
      chmodSync(flags, 0o777);
      chmodSync(host.folder, 0o755);
      const script = host.file("app.py", WAIT_AND_CONNECT);
      expect(await host.startAgent()).toBe("ready");
      await host.until(() => host.controller.subscriptions.length > 0);
      const entry = { executable: { sha256: sha256Of(PYTHON) }, script: { sha256: sha256Of(script) } };
      host.provision(1n, hostPolicyOf(allowSoftware("app", entry)));
      await host.until(() => host.status?.generation === 1n);

      const app = [PYTHON, script, String(host.port), flags];
      const ran = host.run([...AS_NOBODY, "/bin/sh", "-c", FLOOD, "flood", ...app]);
      await host.until(() => existsSync(`${flags}/flooded`));
      writeFileSync(`${flags}/go`, "");
      const named = () =>
        host.controller.execs
          .flatMap((batch) => batch.execs.map((one) => one.process))
          .find((who) => who?.exe === PYTHON);
      await host.until(() => named() !== undefined).finally(() => writeFileSync(`${flags}/end`, ""));
      expect(named()).toMatchObject({
        exeSha256: sha256Of(PYTHON),
        script: "",
        unattributable: "inline",
        environment: ["RINGWALL_TRUNCATED=1"],
      });
      const { output } = await ran;
      expect(output).toContain("refused\n");
      expect(output).not.toContain("connected");
    });
  },
);
