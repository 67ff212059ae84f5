import { existsSync, realpathSync } from "node:fs";
import { basename } from "node:path";
import { type Form, fed, forms, inline } from "./interpreter-form.ts";
import { java, others, perl, php, ruby } from "./interpreter-forms-more.ts";
import { PROGRAMS } from "./interpreter-programs.ts";

const PYTHON = "/usr/bin/python3";
const VERSION = existsSync(PYTHON) ? basename(realpathSync(PYTHON)) : "python3";
const HOSTILE = "a\nb\u001b[31m c'\"$(id)\u202e\\.py";
const BASH = "/usr/bin/bash";
const DASH = "/usr/bin/dash";
const BUSYBOX = "/usr/bin/busybox";

function python(): Form[] {
  const base = {
    language: "python",
    needs: PYTHON,
    file: "app.py",
    variable: { PYTHONPATH: "/tmp/x" },
    unattributable: inline(PYTHON, "-c"),
  } as const;
  const module = { script: "pack/tool.py", files: { "pack/__init__.py": "" } };
  const isolated = (dir: string) => ({ argv: [PYTHON, "-i", `${dir}/app.py`] });
  return forms(base, [
    ["FILE", ["app.py"]],
    [
      "-u -X dev -W ignore FILE",
      ["-u", "-X", "dev", "-W", "ignore", "app.py"],
      { unattributable: inline(PYTHON, "-uc") },
    ],
    [
      "-IES FILE",
      (dir) => ["-IES", `${dir}/app.py`],
      { injected: isolated, unattributable: fed(PYTHON, "-I", "-") },
    ],
    ["-- FILE", ["--", "app.py"], { unattributable: fed(PYTHON) }],
    [
      "-m MODULE",
      ["-m", "app"],
      { unattributable: () => ({ argv: ["/bin/sh", "-c", `exec ${PYTHON} /dev/stdin <app.py`] }) },
    ],
    [
      "-Bm PACKAGE.MODULE",
      ["-Bm", "pack.tool"],
      {
        ...module,
        injected: () => ({ argv: [PYTHON, "-X", "pycache_prefix=/dev/null/x", "-m", "pack.tool"] }),
      },
    ],
    ["-m PACKAGE", ["-m", "pack"], { script: "pack/__main__.py", files: { "pack/__init__.py": "" } }],
    ["FOLDER", ["."], { script: "__main__.py" }],
    [
      "#! chain through env -S",
      [],
      {
        head: "#!/usr/bin/env -S python3 -u\n",
        script: "tool",
        prepare: "chmod +x tool",
        call: (dir) => ({ argv: [`${dir}/tool`] }),
        injected: (dir) => ({
          argv: [`${dir}/tool`],
          environment: { PYTHONSTARTUP: "x", PYTHONHOME: "/usr" },
        }),
      },
    ],
    [
      "#! with an option",
      [],
      {
        head: "#!/usr/bin/python3 -u\n",
        script: "tool",
        prepare: "chmod +x tool",
        call: () => ({ argv: ["./tool"] }),
        injected: () => ({ argv: ["./tool"], environment: { LD_LIBRARY_PATH: "/tmp/x" } }),
      },
    ],
    [
      "of a virtual environment, -m",
      [],
      {
        script: `venv/lib/${VERSION}/site-packages/inner.py`,
        files: { "venv/pyvenv.cfg": "home = /usr/bin\n" },
        links: { "venv/bin/python": PYTHON },
        call: (dir) => ({ argv: [`${dir}/venv/bin/python`, "-m", "inner"] }),
        injected: (dir) => ({ argv: [`${dir}/venv/bin/python`, "-i", "-m", "inner"] }),
      },
    ],
    [
      "with arguments of 128 KiB",
      ["app.py", "x".repeat(131_000)],
      {
        unattributable: (_dir, program) => ({ argv: [PYTHON, "-c", program, "app.py", "x".repeat(131_000)] }),
      },
    ],
    [
      "with a name of newlines and escapes",
      [HOSTILE],
      {
        script: HOSTILE,
        // What no kernel copy holds can't be vouched for.
        unattributable: (dir) => ({ argv: [PYTHON, ...Array<string>(5000).fill("-u"), `${dir}/app.py`] }),
        files: { "app.py": PROGRAMS.python },
      },
    ],
  ]);
}

function node(): Form[] {
  const exe = process.execPath;
  const base = {
    language: "node",
    needs: exe,
    file: "app.js",
    variable: { NODE_OPTIONS: "--import data:text/javascript,1" },
    unattributable: inline(exe, "-e"),
  } as const;
  return forms(base, [
    ["FILE", ["app.js"], { injected: () => ({ argv: [exe, "-r", "node:fs", "app.js"] }) }],
    [
      "NAME without suffix",
      ["--no-warnings", "./app"],
      { injected: () => ({ argv: [exe, "app"], environment: { NODE_OPTIONS: "-r node:fs" } }) },
    ],
    [
      "-C VALUE --title VALUE FILE",
      ["-C", "x", "--title", "y", "app.js"],
      { unattributable: inline(exe, "-p") },
    ],
    [
      "FOLDER with package.json",
      ["."],
      {
        script: "lib/start.js",
        files: { "package.json": '{"main":"lib/start"}' },
        injected: () => ({ argv: [exe, "."], environment: { NODE_PATH: "/tmp/x" } }),
        unattributable: fed(exe),
      },
    ],
    ["-- FILE", ["--", "app.js"], { unattributable: fed(exe, "-") }],
  ]);
}

function shells(): Form[] {
  const bash = {
    language: "bash",
    needs: BASH,
    file: "app.sh",
    variable: { BASH_ENV: "/dev/null" },
    unattributable: inline(BASH, "-c"),
  } as const;
  const sh = {
    language: "sh",
    file: "app.sh",
    variable: { LD_PRELOAD: "/none.so" },
  } as const;
  return [
    ...forms(bash, [
      ["-euo pipefail FILE", ["-euo", "pipefail", "app.sh"], { unattributable: inline(BASH, "-euc") }],
      [
        "NAME in PATH",
        [],
        {
          call: (dir) => ({ argv: [BASH, "app.sh"], environment: { PATH: `${dir}:/usr/bin:/bin` } }),
          // A shell that called it would drop such a name.
          injected: () => ({ argv: ["/usr/bin/env", "BASH_FUNC_true%%=() { :; }", BASH, "app.sh"] }),
        },
      ],
      ["+o posix -- FILE", ["+o", "posix", "--", "app.sh"], { unattributable: fed(BASH, "-s") }],
      [
        "#! chain of two scripts",
        [],
        {
          head: "#!/bin/bash\n",
          script: "inner",
          files: { outer: "#!DIR/inner\nnothing of this is run\n" },
          prepare: "chmod +x inner outer",
          call: () => ({ argv: ["./outer"] }),
          injected: () => ({ argv: ["./outer"], environment: { SHELLOPTS: "xtrace", PS4: "$(id)" } }),
          unattributable: fed(BASH),
        },
      ],
    ]),
    ...forms({ ...sh, needs: DASH, unattributable: inline(DASH, "-c") }, [
      ["dash -e FILE", ["-e", "app.sh"], { injected: () => ({ argv: [DASH, "-i", "app.sh"] }) }],
      [
        "dash #!",
        [],
        {
          head: "#!/bin/dash\n",
          prepare: "chmod +x app.sh",
          call: () => ({ argv: ["./app.sh"] }),
          unattributable: fed(DASH),
        },
      ],
    ]),
    ...forms({ ...sh, needs: BUSYBOX, unattributable: inline(BUSYBOX, "sh", "-c") }, [
      ["busybox sh FILE", ["sh", "app.sh"], { injected: () => ({ argv: [BUSYBOX, "sh", "-i", "app.sh"] }) }],
      [
        "busybox by a link",
        [],
        {
          links: { ash: BUSYBOX },
          call: () => ({ argv: ["./ash", "-x", "app.sh"] }),
          injected: () => ({ argv: ["./ash", "app.sh"], environment: { LD_PRELOAD: "/none.so" } }),
          unattributable: fed(BUSYBOX, "ash"),
        },
      ],
    ]),
  ];
}

export const FORMS: readonly Form[] = [
  ...python(),
  ...node(),
  ...shells(),
  ...perl(),
  ...ruby(),
  ...php(),
  ...java(),
  ...others(),
];

/** Interpreters that are not installed, said by name on standard error. */
export function missingInterpreters(): ReadonlySet<string> {
  const missing = new Set(FORMS.map(({ needs }) => needs).filter((path) => !existsSync(path)));
  for (const path of missing) process.stderr.write(`SKIPPED forms of ${path}: not installed\n`);
  return missing;
}
