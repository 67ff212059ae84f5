import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCgroupPath, parseProcCgroup } from "./cgroup-path.ts";
import { injectingEnvironment, withInjected } from "./injecting-environment.ts";

const ID = "0123456789abcdef".repeat(4);

describe("parseCgroupPath", () => {
  test.each([
    ["/system.slice/nginx.service", "nginx.service", null],
    ["/system.slice/nginx.service/workers", "nginx.service", null],
    ["/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service", "user@1000.service", null],
    [`/system.slice/docker-${ID}.scope`, `docker-${ID}.scope`, ID],
    [`/docker/${ID}`, null, ID],
    [`/kubepods.slice/kubepods-pod1.slice/cri-containerd-${ID}.scope`, `cri-containerd-${ID}.scope`, ID],
    ["/machine.slice/machine-web.scope", "machine-web.scope", "web"],
    ["/", null, null],
    ["/plain/evil.service", null, null],
  ])("%s", (path, unit, container) => {
    expect(parseCgroupPath(path)).toEqual({ unit, container });
  });

  test("paths are read below the agent's scope", () => {
    expect(parseCgroupPath("/lab/web/nginx.service", "/lab/web").unit).toBe("nginx.service");
    expect(parseCgroupPath("/lab/webby/nginx.service", "/lab/web").unit).toBeNull();
  });

  test("any text has an answer", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (path, scope) => {
        parseCgroupPath(path, scope);
        parseProcCgroup(path);
      }),
    );
  });

  test("the cgroup2 line is found among version 1's", () => {
    expect(parseProcCgroup("2:cpu:/x\n0::/a.service (deleted)\n")).toBe("/a.service");
    expect(parseProcCgroup("2:cpu:/x\n")).toBeUndefined();
  });
});

describe("injectingEnvironment", () => {
  const mixed = ["PATH=/bin", "NODE_OPTIONS=-r x", "LD_PRELOAD=/tmp/x.so", "ENV=prod", "PYTHONPATH=/x"];

  test("keeps what makes this program run foreign code, sorted, and nothing else", () => {
    expect(injectingEnvironment(mixed, "node")).toEqual(["LD_PRELOAD=/tmp/x.so", "NODE_OPTIONS=-r x"]);
    expect(injectingEnvironment(mixed, "python")).toEqual(["LD_PRELOAD=/tmp/x.so", "PYTHONPATH=/x"]);
    expect(injectingEnvironment(mixed, undefined)).toEqual(["LD_PRELOAD=/tmp/x.so"]);
  });

  test("an empty value injects nothing; a repeated name is kept with both values", () => {
    expect(injectingEnvironment(["LD_PRELOAD=", "PYTHONPATH=b", "PYTHONPATH=a"], "python")).toEqual([
      "PYTHONPATH=a",
      "PYTHONPATH=b",
    ]);
  });

  test("long values are cut so that they match no listed one", () => {
    const [entry] = injectingEnvironment([`LD_PRELOAD=${"x".repeat(131_072)}`], undefined);
    expect(entry?.endsWith("…")).toBe(true);
    expect(entry?.length).toBeLessThan(1100);
  });

  test("arguments that inject join it in sorted order", () => {
    expect(withInjected(["PYTHONPATH=a"], ["NODE_OPTIONS=--require x"])).toEqual([
      "NODE_OPTIONS=--require x",
      "PYTHONPATH=a",
    ]);
  });

  test("any strings have an answer whose order does not depend on theirs", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom("LD_AUDIT=1", "ENV=x", "=", "BASH_ENV=\n"))),
        (list) => {
          expect(injectingEnvironment(list, "shell")).toEqual(
            injectingEnvironment([...list].reverse(), "shell"),
          );
        },
      ),
    );
  });
});
