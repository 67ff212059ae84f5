import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpreterOf, resolveScript, type ScriptSource } from "./resolve-script.ts";

function resolve(
  executable: string,
  args: readonly string[],
  extra: { filename?: string; env?: [string, string][] } = {},
) {
  return resolveScript({
    executable,
    filename: extra.filename ?? executable,
    argv: [executable, ...args],
    cwd: "/srv",
    environment: new Map(extra.env ?? []),
  });
}
function first(source: ScriptSource): string {
  return source.kind === "file"
    ? (source.candidates[0] ?? "")
    : source.kind === "unattributable"
      ? source.why
      : "none";
}

const PYTHON = "/usr/bin/python3.11";
const NODE = "/usr/bin/node";
const BASH = "/usr/bin/bash";

describe("resolveScript finds what the interpreter would run", () => {
  test.each<[string, string[], string]>([
    [PYTHON, ["app.py", "-c"], "/srv/app.py"],
    [PYTHON, ["-u", "/opt/app.py"], "/opt/app.py"],
    [PYTHON, ["-uW", "ignore", "app.py"], "/srv/app.py"],
    [PYTHON, ["-Wignore", "-X", "dev", "app.py"], "/srv/app.py"],
    [PYTHON, ["-uc", "print(1)", "app.py"], "inline"],
    [PYTHON, ["-cprint(1)"], "inline"],
    [PYTHON, ["-"], "stdin"],
    [PYTHON, [], "stdin"],
    [PYTHON, ["-i"], "stdin"],
    [PYTHON, ["--check-hash-based-pycs", "always", "app.py"], "/srv/app.py"],
    [PYTHON, ["--", "-strange.py"], "/srv/-strange.py"],
    [PYTHON, ["../x/./app.py"], "/x/app.py"],
    [PYTHON, ["/dev/stdin"], "stdin"],
    [PYTHON, ["/dev/fd/63"], "stdin"],
    [PYTHON, ["/proc/self/fd/3"], "stdin"],
    [NODE, ["server.js"], "/srv/server.js"],
    [NODE, ["--inspect-port", "9229", "--enable-source-maps", "server"], "/srv/server"],
    [NODE, ["-r", "./hook.js", "server.js"], "/srv/server.js"],
    [NODE, ["-e", "1"], "inline"],
    [NODE, ["-pe", "1"], "inline"],
    [NODE, ["--eval=1"], "inline"],
    [NODE, ["-"], "stdin"],
    [BASH, ["x.sh"], "/srv/x.sh"],
    [BASH, ["-eu", "-o", "pipefail", "x.sh"], "/srv/x.sh"],
    [BASH, ["-euo", "pipefail", "x.sh"], "/srv/x.sh"],
    [BASH, ["+o", "posix", "x.sh"], "/srv/x.sh"],
    [BASH, ["-c", "echo hi", "x.sh"], "inline"],
    [BASH, ["-xc", "echo hi"], "inline"],
    [BASH, ["-s", "arg"], "stdin"],
    [BASH, ["--norc", "-l"], "stdin"],
    ["/usr/bin/dash", ["-e", "x.sh"], "/srv/x.sh"],
    ["/usr/bin/perl", ["-w", "-Mstrict", "x.pl"], "/srv/x.pl"],
    ["/usr/bin/perl", ["-ne", "print"], "inline"],
    ["/usr/bin/perl", ["-l012ne", "print"], "inline"],
    ["/usr/bin/perl", ["-pi.bak", "-e", "1"], "inline"],
    ["/usr/bin/perl", ["-I", "lib", "x.pl"], "/srv/x.pl"],
    ["/usr/bin/perl", ["-e", "1"], "inline"],
    ["/usr/bin/ruby", ["-rjson", "x.rb"], "/srv/x.rb"],
    ["/usr/bin/php8.2", ["-d", "a=b", "-f", "x.php"], "/srv/x.php"],
    ["/usr/bin/php8.2", ["x.php"], "/srv/x.php"],
    ["/usr/lib/jvm/bin/java", ["-Xmx1g", "-cp", "lib", "-jar", "app.jar"], "/srv/app.jar"],
    ["/usr/lib/jvm/bin/java", ["-cp", "lib", "com.example.Main"], "inline"],
    ["/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", ["--preload", "x.so", "/bin/true"], "/bin/true"],
    ["/usr/sbin/nginx", ["-c", "/etc/nginx.conf"], "none"],
  ])("%s %j", (executable, args, expected) => {
    expect(first(resolve(executable, args).source)).toBe(expected);
  });

  test("code brought by arguments counts as the variable that would do the same", () => {
    expect(resolve(NODE, ["--require=./hook.js", "--import", "data:x", "a.js"]).injected).toEqual([
      "NODE_OPTIONS=--require ./hook.js --import data:x",
    ]);
    expect(resolve(BASH, ["--rcfile", "/tmp/x", "-i"]).injected).toEqual(["BASH_ENV=--rcfile /tmp/x"]);
  });

  test("python -m looks in the working directory, PYTHONPATH, and the library, in that order", () => {
    const { source } = resolve(PYTHON, ["-m", "http.server"], { env: [["PYTHONPATH", "/lib/mine:rel"]] });
    expect(source.kind === "file" && source.candidates.slice(0, 8)).toEqual([
      "/srv/http/server/__main__.py",
      "/srv/http/server.py",
      "/lib/mine/http/server/__main__.py",
      "/lib/mine/http/server.py",
      "/srv/rel/http/server/__main__.py",
      "/srv/rel/http/server.py",
      "/usr/lib/python3.11/http/server/__main__.py",
      "/usr/lib/python3.11/http/server.py",
    ]);
    const isolated = resolve(PYTHON, ["-Im", "http.server"], { env: [["PYTHONPATH", "/lib/mine"]] }).source;
    expect(first(isolated)).toBe("/usr/lib/python3.11/http/server/__main__.py");
  });

  test("an unknown interpreter is known by its `#!` file", () => {
    const source = resolveScript({
      executable: "/usr/bin/mawk",
      filename: "./x.awk",
      argv: ["/usr/bin/awk", "-f", "./x.awk"],
      cwd: "/srv",
      environment: new Map(),
    }).source;
    expect(first(source)).toBe("/srv/x.awk");
  });

  test("the tables match file names, not what merely contains them", () => {
    expect(interpreterOf("/opt/pythonic/bin/notpython")).toBeUndefined();
    expect(interpreterOf("/usr/bin/ssh")).toBeUndefined();
    expect(interpreterOf("/usr/bin/node_exporter")).toBeUndefined();
    expect(interpreterOf("/usr/bin/pypy3")?.name).toBe("python");
  });
});

describe("resolveScript is total", () => {
  const argument = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "-c",
      "-m",
      "-",
      "--",
      "-e",
      "--require",
      "-jar",
      "-o",
      "__proto__",
      "-constructor",
      "\n",
      "../../..",
      "",
    ),
    fc.constant("x".repeat(131_072)),
  );
  const executable = fc.oneof(
    fc.string(),
    fc.constantFrom(
      PYTHON,
      NODE,
      BASH,
      "/usr/bin/perl",
      "/usr/bin/ruby",
      "/usr/bin/php",
      "/usr/bin/java",
      "/lib/ld.so",
    ),
  );

  test("any argument list has an answer, and a file's candidates are absolute", () => {
    fc.assert(
      fc.property(executable, fc.string(), fc.array(argument), fc.string(), (exe, filename, argv, cwd) => {
        const { source, injected } = resolveScript({
          executable: exe,
          filename,
          argv,
          cwd,
          environment: new Map(),
        });
        if (source.kind === "file") {
          expect(source.candidates.length).toBeGreaterThan(0);
          for (const path of source.candidates) expect(path.startsWith("/")).toBe(true);
        }
        for (const entry of injected) expect(entry).toMatch(/^[A-Z_0-9]+=/);
      }),
      { numRuns: 2000 },
    );
  });
});
