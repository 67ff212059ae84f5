import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeText } from "../../kernel/decode-text.ts";
import { parseArgumentFile } from "./java.ts";
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
    ? (source.candidates[0]?.path ?? "")
    : source.kind === "unattributable"
      ? source.why
      : "none";
}

const PYTHON = "/usr/bin/python3.11";
const NODE = "/usr/bin/node";
const BASH = "/usr/bin/bash";
const JAVA = "/usr/lib/jvm/bin/java";

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
    [PYTHON, ["-Q", "new", "app.py"], "/srv/app.py"],
    [NODE, ["--snapshot_blob", "x", "a.js"], "/srv/a.js"],
    [NODE, ["--stack-trace-limit=5", "a.js"], "/srv/a.js"],
    [NODE, ["--es-module-specifier-resolution", "a.js", "b.js"], "/srv/a.js"],
    [NODE, ["inspect", "a.js"], "inline"],
    [NODE, ["--test", "a.js"], "inline"],
    [NODE, ["--entry-url", "a.js"], "inline"],
    ["/usr/bin/perl", ["-0xFF", "x.pl"], "/srv/x.pl"],
    ["/usr/bin/perl5.36-x86_64-linux-gnu", ["x.pl"], "/srv/x.pl"],
    ["/usr/bin/ruby3.1", ["-W:no-deprecated", "x.rb"], "/srv/x.rb"],
    ["/usr/bin/ruby3.1", ["-C", "/opt/d", "x.rb"], "/opt/d/x.rb"],
    ["/usr/bin/php8.2", ["--", "x.php"], "stdin"],
    ["/usr/bin/php8.2", ["-f=x.php"], "/srv/x.php"],
    ["/usr/bin/php8.2", ["-S", "localhost:80"], "inline"],
    ["/usr/bin/php8.2", ["-S", "localhost:80", "-t", ".", "r.php"], "/srv/r.php"],
    ["/usr/bin/php-cgi8.2", ["x.php"], "inline"],
    [JAVA, ["-Xmx1g", "-cp", "lib", "-jar", "app.jar"], "/srv/app.jar"],
    [JAVA, ["-jar", "-Da=b", "app.jar"], "/srv/app.jar"],
    [JAVA, ["-cp", "lib", "com.example.Main"], "/srv/lib"],
    [JAVA, ["-cp", "lib/*", "com.example.Main"], "inline"],
    [JAVA, ["com.example.Main"], "/srv"],
    [JAVA, ["-m", "mod/com.example.Main"], "inline"],
    [JAVA, ["--source", "17", "Tool"], "/srv/Tool"],
    [JAVA, ["Tool.java"], "/srv/Tool.java"],
    [JAVA, ["-version"], "none"],
    ["/usr/bin/busybox", ["sh", "x.sh"], "/srv/x.sh"],
    ["/usr/bin/busybox", ["nc", "x.sh"], "none"],
    ["/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", ["--preload", "x.so", "/bin/true"], "/bin/true"],
    ["/usr/sbin/nginx", ["-c", "/etc/nginx.conf"], "none"],
  ])("%s %j", (executable, args, expected) => {
    expect(first(resolve(executable, args).source)).toBe(expected);
  });

  test("code brought by arguments counts as the variable that would do the same", () => {
    expect(resolve(NODE, ["--require=./hook.js", "--import", "data:x", "a.js"]).injected).toEqual([
      "NODE_OPTIONS=--require ./hook.js --import data:x",
    ]);
    expect(resolve(BASH, ["--rcfile", "/tmp/x", "-i"]).injected).toEqual(["BASH_ENV=--rcfile /tmp/x -i"]);
  });

  test("python -m looks in the working directory, PYTHONPATH, and the library, in that order", () => {
    const { source } = resolve(PYTHON, ["-m", "http.server"], { env: [["PYTHONPATH", "/lib/mine:rel"]] });
    const paths = source.kind === "file" ? source.candidates.map(({ path }) => path) : [];
    expect([...new Set(paths)].filter((path) => !path.endsWith(".pyc")).slice(0, 8)).toEqual([
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
    // A warning filter isolates nothing, whatever letters it has.
    expect(first(resolve(PYTHON, ["-WIgnore", "-m", "app"]).source)).toBe("/srv/app/__main__.py");
  });

  test("java looks for a main class in the class path in order, as a file and inside an archive", () => {
    const { source, injected } = resolve(JAVA, ["-cp", "a.jar:/opt/b", "x.Main"]);
    expect(source).toMatchObject({
      relative: true,
      candidates: [
        { path: "/srv/a.jar", holds: "x/Main.class" },
        { path: "/srv/a.jar/x/Main.class" },
        { path: "/opt/b", holds: "x/Main.class" },
        { path: "/opt/b/x/Main.class" },
      ],
    });
    expect(injected).toEqual(["JAVA_TOOL_OPTIONS=-cp a.jar:/opt/b"]);
    expect(resolve(JAVA, ["-cp", "a.jar", "-javaagent:x.jar=1", "x.Main"]).injected).toEqual([
      "JAVA_TOOL_OPTIONS=-javaagent:x.jar=1",
    ]);
  });

  test("an argument file has quotes, escapes, comments and joined lines", () => {
    expect(parseArgumentFile('-cp "a b.jar" # no\n\'x\\ty\' one\\\ntwo\n"un\nclosed')).toEqual([
      "-cp",
      "a b.jar",
      "x\ty",
      "onetwo",
      "un",
      "closed",
    ]);
  });

  test("what lies behind the arguments that the kernel read is not guessed", () => {
    const ask = (argv: string[]) =>
      first(
        resolveScript({
          executable: PYTHON,
          filename: PYTHON,
          argv,
          truncated: true,
          cwd: "/srv",
          environment: new Map(),
        }).source,
      );
    expect(ask([PYTHON, "-u", "app.py", "x".repeat(9000)])).toBe("/srv/app.py");
    expect(ask([PYTHON, "-u", "app.p"])).toBe("inline");
    expect(ask([PYTHON, "-W", "x".repeat(9000)])).toBe("inline");
    expect(ask([])).toBe("inline");
  });

  test("a name that is no UTF-8 is no file that could be opened by its name", () => {
    const name = decodeText(Buffer.from("app\xff.py", "latin1"));
    expect(name).not.toBe(decodeText(Buffer.from("app\xfe.py", "latin1")));
    expect(first(resolve(PYTHON, [name]).source)).toBe("deleted");
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
          for (const { path } of source.candidates) expect(path.startsWith("/")).toBe(true);
        }
        for (const entry of injected) expect(entry).toMatch(/^[A-Z_0-9]+=/);
      }),
      { numRuns: 2000 },
    );
  });
});
