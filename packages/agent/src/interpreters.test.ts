import { execFile } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Process } from "@ringwall/protocol/agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoKernelTests } from "./kernel/testing/requirements.ts";
import { AgentHost, sha256Of } from "./testing/agent-host.ts";
import { allowSoftware, hostPolicyOf } from "./testing/host-policy.ts";
import type { Call, Form } from "./testing/interpreter-form.ts";
import { FORMS, missingInterpreters } from "./testing/interpreter-forms.ts";
import { COMMENT, PROGRAMS } from "./testing/interpreter-programs.ts";

/** What makes the known program another one; at the top for java, so that line numbers and so the class change too. */
function otherProgram({ language }: Form): string {
  const comment = `${COMMENT[language]} another program\n`;
  return language === "java" ? comment + PROGRAMS.java : PROGRAMS[language] + comment;
}

async function lay(form: Form, dir: string, program: string): Promise<void> {
  for (const [name, text] of Object.entries(form.files ?? {}))
    write(`${dir}/${name}`, text.replaceAll("DIR", dir));
  mkdirSync(dir, { recursive: true });
  const isMade = form.language === "java" && form.script !== "App.java";
  if (!isMade) write(`${dir}/${form.script}`, (form.head ?? "") + program);
  for (const [name, target] of Object.entries(form.links ?? {})) {
    mkdirSync(dirname(`${dir}/${name}`), { recursive: true });
    symlinkSync(target, `${dir}/${name}`);
  }
  if (form.prepare !== undefined) await promisify(execFile)("sh", ["-c", form.prepare], { cwd: dir });
}

/** The classes of java's forms, compiled once. */
async function compileJava(dir: string, program: string): Promise<void> {
  write(`${dir}/App.java`, program);
  await promisify(execFile)("javac", ["-d", "classes", "App.java"], { cwd: dir });
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

describe.skipIf(whyNoKernelTests("interpreters.test.ts") !== undefined)(
  "every form of every interpreter, as real processes",
  () => {
    const missing = missingInterpreters();
    const present = FORMS.filter(({ needs }) => !missing.has(needs));
    let host: AgentHost;

    const folder = (form: Form, kind: "known" | "unknown") => `${host.folder}/${FORMS.indexOf(form)}/${kind}`;

    beforeAll(async () => {
      host = await AgentHost.start();
      const javaForm = present.find(({ language }) => language === "java");
      if (javaForm !== undefined) {
        await compileJava(`${host.folder}/java/known`, PROGRAMS.java);
        await compileJava(`${host.folder}/java/unknown`, otherProgram(javaForm));
      }
      await Promise.all(
        present.flatMap((form) => [
          lay(form, folder(form, "known"), PROGRAMS[form.language]),
          lay(form, folder(form, "unknown"), otherProgram(form)),
        ]),
      );
      await sleep(30);
      expect(await host.startAgent()).toEqual("ready");
      for (let i = 0; i < 3000 && host.controller.subscriptions.length === 0; i++) await sleep(20);
      const scripts = new Set(present.map((form) => sha256Of(`${folder(form, "known")}/${form.script}`)));
      const { rules, ...policy } = allowSoftware("known", {});
      const known = [...scripts].map((sha256) => ({ script: { sha256: [sha256] } }));
      host.provision(1n, hostPolicyOf({ ...policy, rules: rules ?? [], software: { known } }));
      for (let i = 0; i < 3000 && host.status?.generation !== 1n; i++) await sleep(20);
      expect(host.status?.generation).toBe(1n);
      // On a slow machine the digest of so large a file takes longer than a connection is held for it.
      if (present.some(({ language }) => language === "node")) {
        const exe = realpathSync(process.execPath);
        // One that ends at once may be gone before the agent looks at it.
        await Promise.all([
          run({ argv: [process.execPath, "-e", "setTimeout(() => {}, 3000)"] }, host.folder),
          report("node itself", (who) => who.exe === exe && who.exeSha256 !== ""),
        ]);
      }
    });
    afterAll(() => host.close());

    const run = async (call: Call, cwd: string) => {
      const environment = { RW_PORT: String(host.port), ...call.environment };
      const { output } = await host.run(call.argv, environment, {
        cwd,
        ...(call.input === undefined ? {} : { input: call.input }),
      });
      return /^(?:connected|refused)$/m.exec(output)?.[0] ?? output;
    };
    const reported = (): (Process | undefined)[] =>
      host.controller.execs.flatMap((batch) => batch.execs.map(({ process: who }) => who));
    async function report(what: string, isIt: (who: Process) => boolean): Promise<void> {
      for (let i = 0; i < 1500; i++) {
        if (reported().some((who) => who !== undefined && isIt(who))) return;
        await sleep(20);
      }
      const seen = reported().slice(-8);
      throw new Error(`no report of ${what} among\n${seen.map((who) => JSON.stringify(who)).join("\n")}`);
    }

    test.each(present.map((form) => [form.name, form] as const))("%s", async (_name, form) => {
      const known = folder(form, "known");
      const unknown = folder(form, "unknown");
      // It passes for a plain program until it runs a script, the first of which is no plain program either.
      if (form.language === "tcl") await run(form.unattributable(known, PROGRAMS[form.language]), known);
      const outcomes = await Promise.all([
        run(form.call(known), known),
        run(form.call(unknown), unknown),
        run(form.injected(known), known),
        run(form.unattributable(known, PROGRAMS[form.language]), known),
      ]);
      if (form.language !== "sh") expect(outcomes).toEqual(["connected", "refused", "refused", "refused"]);

      // A name that is no file but a link is reported as the file.
      const script = realpathSync(`${known}/${form.script}`);
      const digest = sha256Of(script);
      const clean = ({ environment, unattributable }: Process) =>
        environment.length === 0 && unattributable === "";
      await report("the known", (who) => who.script === script && who.scriptSha256 === digest && clean(who));
      const other = `${unknown}/${form.script}`;
      await report(
        "the unknown",
        (who) => who.script === other && who.scriptSha256 === sha256Of(other) && clean(who),
      );
      await report("the injected", (who) => who.script === script && who.environment.length > 0);
      if (form.language !== "tcl") {
        // Of a `#!` chain the `env` before the interpreter may be seen too.
        const exes = new Set(reported().flatMap((who) => (who?.script === script ? [who.exe] : [])));
        await report(
          "the unattributable",
          (who) => exes.has(who.exe) && /^(?:inline|stdin)$/.test(who.unattributable),
        );
      }
    });

    test.skipIf(missing.has("/usr/bin/python3"))(
      "a name that is no UTF-8 does not pass for the one that text would make of it",
      async () => {
        const cwd = `${host.folder}/bytes`;
        write(`${cwd}/app\uFFFD.py`, PROGRAMS.python);
        write(`${cwd}/other.py`, `${PROGRAMS.python}# other\n`);
        const name = `"$(printf 'app\\377.py')"`;
        const shell = (command: string) => run({ argv: ["/bin/sh", "-c", command] }, cwd);
        await shell(`mv other.py ${name}`);
        await sleep(30);
        expect(await run({ argv: ["/usr/bin/python3", "app\uFFFD.py"] }, cwd)).toBe("connected");
        expect(await shell(`exec python3 ${name}`)).toBe("refused");
        // The same in the name of a folder.
        await shell(
          `mkdir "$(printf 'd\\377')" "d\uFFFD" && cp ${name} "$(printf 'd\\377/app.py')" && cp "app\uFFFD.py" "d\uFFFD/app.py"`,
        );
        await sleep(30);
        expect(await shell(`cd "d\uFFFD" && exec python3 app.py`)).toBe("connected");
        expect(await shell(`cd "$(printf 'd\\377')" && exec python3 app.py`)).toBe("refused");
      },
    );

    test("an executable with a hostile name is reported as it is called", async () => {
      const path = `${host.folder}/x\ny\u001b[2J'"$(id) (deleted)`;
      copyFileSync("/bin/sleep", path);
      chmodSync(path, 0o755);
      await host.run([path, "1"]);
      await report("the executable", (who) => who.exe === path && who.exeSha256 === sha256Of("/bin/sleep"));
    });

    test("no report holds more of the environment than what injects code", () => {
      expect(readFileSync(`${host.stateDir}/identities.ndjson`, "utf8")).not.toContain("RW_PORT");
    });
  },
);
