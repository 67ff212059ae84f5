import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCgroupPath, parseProcCgroup } from "./cgroup-path.ts";
import { tenantOf } from "./cgroups.ts";
import { injectingEnvironment, withInjected } from "./injecting-environment.ts";

const ID = "0123456789abcdef".repeat(4);
const UID_ = "01234567_89ab_cdef_0123_456789abcdef";

describe("parseCgroupPath", () => {
  test.each([
    ["/system.slice/nginx.service", "nginx.service", null],
    ["/system.slice/nginx.service/workers", "nginx.service", null],
    ["/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service", "user@1000.service", null],
    [`/system.slice/docker-${ID}.scope`, `docker-${ID}.scope`, ID],
    [`/system.slice/docker-${ID}.scope/init.scope`, `docker-${ID}.scope`, ID],
    [`/docker/${ID}`, null, ID],
    [`/docker/${ID}/kubelet.slice/cri-containerd-${"f".repeat(64)}.scope`, null, ID],
    [`/machine.slice/libpod-${ID}.scope/container`, `libpod-${ID}.scope`, ID],
    [`/user.slice/user-1.slice/user@1.service/user.slice/libpod-${ID}.scope`, "user@1.service", ID],
    [`/machine.slice/libpod-conmon-${ID}.scope`, `libpod-conmon-${ID}.scope`, null],
    [`/libpod_parent/libpod-${ID}`, null, ID],
    [`/system.slice/nerdctl-${ID}.scope`, `nerdctl-${ID}.scope`, ID],
    [`/default/${ID}`, null, ID],
    [`/ecs/0123456789abcdef0123456789abcdef/${ID}`, null, ID],
    ["/machine.slice/machine-web.scope", "machine-web.scope", "web"],
    ["/machine.slice/systemd-nspawn@web.service/payload", "systemd-nspawn@web.service", "web"],
    ["/lxc.payload.web/init.scope", null, "web"],
    ["/lxc/web", null, "web"],
    [`/docker/${ID.slice(1)}`, null, null],
    [`/docker/x${ID}`, null, null],
    ["/", null, null],
    ["/plain/evil.service", null, null],
  ])("%s", (path, unit, container) => {
    expect(parseCgroupPath(path)).toEqual({ unit, container, pod: null });
  });

  test.each([
    [`/kubepods.slice/kubepods-pod${UID_}.slice/cri-containerd-${ID}.scope`, `cri-containerd-${ID}.scope`],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID_}.slice/crio-${ID}.scope`,
      `crio-${ID}.scope`,
    ],
    [`/kubepods/besteffort/pod${UID_.replaceAll("_", "-")}/${ID}`, null],
  ])("%s is of a pod", (path, unit) => {
    expect(parseCgroupPath(path)).toEqual({ unit, container: ID, pod: UID_.replaceAll("_", "-") });
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

describe("tenantOf", () => {
  const own = "/user.slice/user-1.slice/user@1.service/user.slice";
  test.each([
    ["/system.slice/nginx.service", ""],
    ["/user.slice/user-1.slice/session-1.scope", ""],
    [`/system.slice/docker-${ID}.scope`, `docker-${ID}.scope`],
    [`/docker/${ID}/kubelet.slice/cri-containerd-${"f".repeat(64)}.scope`, ID],
    [`${own}/libpod-${ID}.scope`, "user@1.service"],
    [`${own}/libpod-${"f".repeat(64)}.scope`, "user@1.service"],
  ])("of %s", (path, tenant) => {
    expect(tenantOf(parseCgroupPath(path))).toBe(tenant);
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
