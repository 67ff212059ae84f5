import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CHECKOUT, type Command, createCli, printed } from "../../testing/ringwall.ts";

const NOBODY = "65534";
/** Arguments: the checkout, a place to show it at (it may lie in the home of root, which nobody else enters), the command. */
const AS_NOBODY = [
  'mount --bind "$0" "$1" && cd "$1" && shift',
  `exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups bin/ringwall "$@"`,
].join(" && ");
const START_MS_MAX = 60_000;

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "ringwall-plain-"));
  chmodSync(base, 0o777);
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

it("without root up says what it can't do, runs the rest, and ends with Ctrl-C", async () => {
  const cli = createCli(join(base, "data"), plainUser());
  const running = cli.start("up", "--listen", "127.0.0.1:0", "--listen-agents", "127.0.0.1:0");
  await printed(running, /sign-in\?token=\S+[\s\S]*Next/, START_MS_MAX);
  expect(running.output().stdout).toContain("only root may load programs into the kernel");
  expect(await cli.ask("status")).toMatchObject([{ agents: { enrolled: 0 }, revision: 0 }]);
  running.process.kill("SIGINT");
  expect(await running.ended).toMatchObject({ code: 0 });
});

it("without root uninstalling says that it can't look, not that nothing is enforced any more", async () => {
  const cli = createCli(join(base, "data"), plainUser());
  // As /run/ringwall is: nobody but its owner looks in.
  const closed = join(base, "closed");
  mkdirSync(join(closed, "pins"), { recursive: true });
  mkdirSync(join(closed, "state"));
  chmodSync(closed, process.geteuid?.() === 0 ? 0o700 : 0);
  const state = join(base, "state");
  for (const [places, code] of [
    [["--pin", join(closed, "pins"), "--state", state], "not-pinned"],
    [["--pin", join(base, "none"), "--state", join(closed, "state")], "state-unwritable"],
  ] as const) {
    const { code: ended, stdout, stderr } = await cli.type("agent", "uninstall", ...places);
    expect([ended, stdout, stderr]).toEqual([
      2,
      "",
      expect.stringMatching(`error\\[${code}\\].*\n  fix: run as root`),
    ]);
  }
  chmodSync(closed, 0o700);
});

/** `nobody` where the tests run as root; else whoever runs them, who is not root. */
function plainUser(): Command | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const shown = join(base, "checkout");
  mkdirSync(shown);
  return ["unshare", "--mount", "bash", "-c", AS_NOBODY, CHECKOUT, shown];
}
