import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { API_SCRIPT, apiProgram } from "../apps/tiers.ts";
import type { Lab } from "../hosts/lab.ts";
import { ports } from "../topology.ts";
import { type Attack, type Seen, tryProgram } from "./attack.ts";

const PYTHON = "/usr/bin/python3";
const STEAL = "/run/tmp/steal.py";
const EXFILTRATE = "/run/tmp/exfiltrate.py";
const CHANGED_PYTHON = "/run/tmp/python3.11";

/** What somebody can do who came in through the API: its user, its unit, its password, its interpreter. */
export const attacksOnApp: readonly Attack[] = [
  {
    id: "control-api",
    title: "control: the API's own program again",
    from: "app",
    to: "db",
    expected: "allowed",
    trace: { source: "app", program: "api.py", port: ports.postgres },
    attempt: (lab) => tryProgram(lab, "app", apiProgram([PYTHON, API_SCRIPT, "--check"])),
  },
  {
    id: "second-script",
    title: "another Python script, same interpreter, user and password",
    from: "app",
    to: "db",
    expected: "blocked",
    trace: { source: "app", program: "steal.py", port: ports.postgres },
    attempt: (lab) => runCopied(lab, "steal.py", STEAL),
  },
  {
    id: "inline-script",
    title: "the same as text on the command line (python3 -c)",
    from: "app",
    to: "db",
    expected: "blocked",
    trace: { source: "app", program: "python3.11", port: ports.postgres },
    attempt: (lab) => tryProgram(lab, "app", apiProgram([PYTHON, "-c", ownProgram("steal.py")])),
  },
  {
    id: "script-in-place",
    title: "the API's script overwritten in place",
    from: "app",
    to: "db",
    expected: "blocked",
    trace: { source: "app", program: "api.py", port: ports.postgres },
    attempt: overwriteScript,
  },
  {
    id: "changed-binary",
    title: "copy of the interpreter with one byte changed, running the API's script",
    from: "app",
    to: "db",
    expected: "blocked",
    trace: { source: "app", program: "python3.11", port: ports.postgres },
    attempt: runChangedInterpreter,
  },
  {
    id: "udp-outside",
    title: "data out by UDP to port 53 of a stranger",
    from: "app",
    to: "internet",
    expected: "blocked",
    trace: { source: "app", program: "exfiltrate.py", port: ports.dns },
    attempt: (lab) => runCopied(lab, "exfiltrate.py", EXFILTRATE),
  },
];

function runCopied(lab: Lab, program: string, inside: string): Promise<Seen> {
  lab.host("app").writeFile(inside, ownProgram(program));
  return tryProgram(lab, "app", apiProgram([PYTHON, inside]));
}

/** Same path, same inode, other content; put back afterwards. The API that runs meanwhile was started from the former. */
async function overwriteScript(lab: Lab): Promise<Seen> {
  const file = lab.host("app").file(API_SCRIPT);
  const original = readFileSync(file);
  writeFileSync(file, ownProgram("steal.py"));
  try {
    return await tryProgram(lab, "app", apiProgram([PYTHON, API_SCRIPT]));
  } finally {
    writeFileSync(file, original);
  }
}

/** The last byte of an ELF file belongs to its section headers, which no running program needs. */
function runChangedInterpreter(lab: Lab): Promise<Seen> {
  const bytes = readFileSync(PYTHON);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  const app = lab.host("app");
  app.writeFile(CHANGED_PYTHON, "", 0o755);
  writeFileSync(app.file(CHANGED_PYTHON), bytes);
  return tryProgram(lab, "app", apiProgram([CHANGED_PYTHON, API_SCRIPT, "--check"]));
}

function ownProgram(name: string): string {
  return readFileSync(path.join(import.meta.dirname, "programs", name), "utf8");
}
