import { existsSync, realpathSync } from "node:fs";
import { basename } from "node:path";
import { type Language, PROGRAMS } from "./interpreter-programs.ts";

/** How a program is called: the words after which nothing more is needed, in the folder `dir`. */
export type Call = {
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
};

/** One way to call an interpreter, with its counterparts that must not pass for it. */
export type Form = {
  readonly name: string;
  readonly language: Language;
  /** What must be there. */
  readonly needs: string;
  /** The file that holds the program, relative to the form's folder. */
  readonly script: string;
  /** What stands before the program, such as a `#!` line. */
  readonly head?: string;
  /** Further files; `DIR` stands for the folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  /** Shell commands to run there. */
  readonly prepare?: string;
  readonly call: (dir: string) => Call;
  /** The same program with foreign code. */
  readonly injected: (dir: string) => Call;
  /** The same code from no file. */
  readonly unattributable: (dir: string, program: string) => Call;
};

const PYTHON = "/usr/bin/python3";
const VERSION = existsSync(PYTHON) ? basename(realpathSync(PYTHON)) : "python3";
const HOSTILE = "a\nb\u001b[31m c'\"$(id)\u202e\\.py";
const BASH = "/usr/bin/bash";
const DASH = "/usr/bin/dash";
const BUSYBOX = "/usr/bin/busybox";
const PERL = "/usr/bin/perl";
const RUBY = "/usr/bin/ruby";
const PHP = "/usr/bin/php";
const JAVA = "/usr/bin/java";
const JAVAC = "/usr/bin/javac";
const TCL = "/usr/bin/tclsh";

type Tail = readonly string[] | ((dir: string) => readonly string[]);

/** Forms of one interpreter that differ in their words only. */
function forms(
  base: Pick<Form, "language" | "needs" | "unattributable"> & {
    readonly file: string;
    /** What injects code where a row says nothing else. */
    readonly variable: Readonly<Record<string, string>>;
  },
  rows: readonly (readonly [name: string, tail: Tail, more?: Partial<Form>])[],
): Form[] {
  return rows.map(([name, tail, more]) => {
    const call: Form["call"] =
      more?.call ?? ((dir) => ({ argv: [base.needs, ...(typeof tail === "function" ? tail(dir) : tail)] }));
    const injected = (dir: string): Call => {
      const { environment, ...rest } = call(dir);
      return { ...rest, environment: { ...environment, ...base.variable } };
    };
    return { ...base, name: `${base.language} ${name}`, script: base.file, injected, ...more, call };
  });
}

const inline =
  (...argv: readonly string[]) =>
  (_dir: string, program: string): Call => ({
    argv: [...argv, program],
  });
const fed =
  (...argv: readonly string[]) =>
  (_dir: string, program: string): Call => ({ argv, input: program });

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
      { ...module, injected: () => ({ argv: [PYTHON, "-X", "pycache_prefix=/tmp/x", "-m", "pack.tool"] }) },
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

function perl(): Form[] {
  const base = {
    language: "perl",
    needs: PERL,
    file: "app.pl",
    variable: { PERL5LIB: "/tmp/x" },
    unattributable: inline(PERL, "-e"),
  } as const;
  return forms(base, [
    ["FILE", ["app.pl"], { injected: () => ({ argv: [PERL, "-MCwd", "app.pl"] }) }],
    [
      "-w -0777 -l012 -- FILE",
      ["-w", "-0777", "-l012", "--", "app.pl"],
      { injected: () => ({ argv: [PERL, "-I", "/tmp/x", "app.pl"] }) },
    ],
    [
      "-S NAME in PATH",
      [],
      {
        prepare: "chmod +x app.pl",
        call: (dir) => ({ argv: [PERL, "-S", "app.pl"], environment: { PATH: dir } }),
        injected: () => ({ argv: [PERL, "-mCwd", "app.pl"] }),
        unattributable: fed(PERL, "-"),
      },
    ],
    [
      "#! -w",
      [],
      {
        head: "#!/usr/bin/perl -w\n",
        prepare: "chmod +x app.pl",
        call: () => ({ argv: ["./app.pl"] }),
        injected: () => ({ argv: ["./app.pl"], environment: { PERL5OPT: "-MCwd" } }),
        unattributable: fed(PERL),
      },
    ],
    [
      "-n, the program by -E",
      ["app.pl"],
      { unattributable: (_dir, program) => ({ argv: [PERL, "-lE", program, "app.pl"] }) },
    ],
  ]);
}

function ruby(): Form[] {
  const base = {
    language: "ruby",
    needs: RUBY,
    file: "app.rb",
    variable: { RUBYOPT: "-rjson" },
    unattributable: inline(RUBY, "-e"),
  } as const;
  return forms(base, [
    [
      "-W:no-deprecated -Ku FILE",
      ["-W:no-deprecated", "-Ku", "app.rb"],
      { injected: () => ({ argv: [RUBY, "app.rb"], environment: { RUBYLIB: "/tmp/x" } }) },
    ],
    [
      "-C FOLDER FILE",
      (dir) => ["-C", `${dir}/sub`, "app.rb"],
      {
        script: "sub/app.rb",
        injected: (dir) => ({ argv: [RUBY, "-I", "/tmp/x", `${dir}/sub/app.rb`] }),
        unattributable: fed(RUBY),
      },
    ],
    [
      "--disable gems FILE",
      ["--disable", "gems", "app.rb"],
      {
        injected: () => ({ argv: [RUBY, "app.rb"], environment: { RUBYOPT: "-rjson" } }),
        unattributable: fed(RUBY, "-"),
      },
    ],
  ]);
}

function php(): Form[] {
  const base = {
    language: "php",
    needs: PHP,
    file: "app.php",
    variable: { PHP_INI_SCAN_DIR: "/tmp/x" },
    unattributable: (_dir: string, program: string) => ({ argv: [PHP, "-r", program.replace("<?php", "")] }),
  } as const;
  return forms(base, [
    ["FILE", ["-d", "memory_limit=64M", "app.php"]],
    [
      "-nf FILE",
      ["-nf", "app.php"],
      {
        injected: () => ({ argv: [PHP, "-d", "include_path=/tmp/x", "app.php"] }),
        unattributable: fed(PHP, "--", "app.php"),
      },
    ],
    ["--file=FILE", ["--file=app.php"], { unattributable: fed(PHP) }],
  ]);
}

/** The classes are compiled once for all forms, beside them. */
const CLASSES = "cp -r ../../java/$(basename $PWD)/classes .";

function java(): Form[] {
  const base = {
    language: "java",
    needs: JAVAC,
    file: "App.java",
    variable: { JAVA_TOOL_OPTIONS: "-Dx=y" },
    unattributable: (_dir: string, _program: string) => ({ argv: [JAVA, "-cp", "classes/*:classes", "App"] }),
    prepare: CLASSES,
  } as const;
  const run =
    (...words: string[]) =>
    () => ({ argv: [JAVA, ...words] });
  const archive = "printf 'Main-Class: App\\n' >m && jar cfm app.jar m -C classes App.class && rm -r m";
  return forms(base, [
    [
      "-cp FOLDER CLASS",
      [],
      { call: run("-cp", "classes", "App"), script: "classes/App.class", prepare: base.prepare },
    ],
    [
      "-jar ARCHIVE",
      [],
      {
        script: "app.jar",
        prepare: `${CLASSES} && ${archive}`,
        call: run("-Xmx64m", "-jar", "-Dx=y", "app.jar"),
        injected: () => ({ argv: [JAVA, "-jar", "app.jar"], environment: { JAVA_TOOL_OPTIONS: "-Dx=y" } }),
      },
    ],
    [
      "-cp ARCHIVE CLASS by an argument file",
      [],
      {
        script: "app.jar",
        files: { args: '# words\n-cp "app.jar"\nApp\n' },
        prepare: `${CLASSES} && ${archive}`,
        call: run("@args"),
        injected: run("-cp", "app.jar:/tmp/x", "App"),
      },
    ],
    [
      "--source FILE",
      [],
      { call: run("--source", "17", "App.java"), injected: run("-Djava.library.path=/tmp/x", "App.java") },
    ],
  ]);
}

function others(): Form[] {
  const base = {
    language: "tcl",
    needs: TCL,
    file: "app.tcl",
    variable: { LD_LIBRARY_PATH: "/tmp/x" },
    unattributable: fed(TCL),
  } as const;
  return forms(base, [
    [
      "#!, an interpreter without a table",
      [],
      { head: "#!/usr/bin/tclsh\n", prepare: "chmod +x app.tcl", call: () => ({ argv: ["./app.tcl"] }) },
    ],
  ]);
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
