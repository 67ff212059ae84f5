import { type Form, fed, forms, inline } from "./interpreter-form.ts";

const PERL = "/usr/bin/perl";
const RUBY = "/usr/bin/ruby";
const PHP = "/usr/bin/php";
const JAVA = "/usr/bin/java";
const JAVAC = "/usr/bin/javac";
const TCL = "/usr/bin/tclsh";

export function perl(): Form[] {
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

export function ruby(): Form[] {
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

export function php(): Form[] {
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

export function java(): Form[] {
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

export function others(): Form[] {
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
