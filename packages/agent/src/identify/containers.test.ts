import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createContainerLookup, parseBundle, parseDocker, parseStorage } from "./containers.ts";

const ID = "0123456789abcdef".repeat(4);
const IMAGE = `sha256:${"a".repeat(64)}`;
const DIGEST = `sha256:${"b".repeat(64)}`;
const docker = JSON.stringify({
  ID,
  Name: "/web",
  Image: IMAGE,
  Config: {
    Image: "nginx:1",
    Labels: { "io.kubernetes.pod.name": "web-0", "io.kubernetes.pod.namespace": "shop" },
  },
});
const repositories = (names: Record<string, string>) => JSON.stringify({ Repositories: { nginx: names } });

describe("what engines keep of their containers", () => {
  test("Docker: the manifest's digest where the image was pulled by exactly one", () => {
    const pulled = repositories({
      "nginx:1": IMAGE,
      [`nginx@${DIGEST}`]: IMAGE,
      [`nginx@sha256:${"c".repeat(64)}`]: "other",
    });
    expect(parseDocker(docker, [pulled])).toMatchObject({
      name: "web",
      image: DIGEST,
      pod: { namespace: "shop", name: "web-0" },
    });
    expect(parseDocker(docker, [repositories({ "nginx:1": IMAGE })])?.image).toBeNull();
    const two = repositories({ [`nginx@${DIGEST}`]: IMAGE, [`my/nginx@sha256:${"d".repeat(64)}`]: IMAGE });
    expect(parseDocker(docker, [two])?.image).toBeNull();
  });

  test("Podman and CRI-O: by the image's id in their storage", () => {
    const metadata = JSON.stringify({ "pod-name": "web-0", namespace: "shop", name: "k8s_web" });
    const containers = JSON.stringify([{ id: ID, names: ["web"], image: "1234", metadata }]);
    const images = JSON.stringify([{ id: "1234", digest: DIGEST, names: ["nginx"] }]);
    expect(parseStorage(containers, images, ID)).toEqual({
      name: "web",
      image: DIGEST,
      pod: { namespace: "shop", name: "web-0" },
      labels: {},
    });
    expect(parseStorage(containers, "[]", ID)?.image).toBeNull();
    expect(parseStorage(containers, images, ID.replace("0", "f"))).toBeUndefined();
  });

  test("containerd: only where the image was named by its digest", () => {
    const spec = (image: string) =>
      JSON.stringify({
        annotations: {
          "io.kubernetes.cri.container-name": "web",
          "io.kubernetes.cri.image-name": image,
          "io.kubernetes.cri.sandbox-namespace": "shop",
          "io.kubernetes.cri.sandbox-name": "web-0",
        },
      });
    expect(parseBundle(spec(`docker.io/library/nginx@${DIGEST}`))).toMatchObject({
      name: "web",
      image: DIGEST,
    });
    expect(parseBundle(spec("docker.io/library/nginx:1"))?.image).toBeNull();
  });

  test("any text has an answer", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        parseDocker(text, [text]);
        parseStorage(text, text, ID);
        parseBundle(text);
      }),
    );
  });
});

describe("the look-up", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ringwall-engines-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("asks each engine's folder, and never follows a name that is no id", async () => {
    const lookup = createContainerLookup({
      docker: join(folder, "d"),
      storage: join(folder, "s"),
      containerd: join(folder, "c"),
    });
    expect(await lookup(ID)).toBeUndefined();
    expect(await lookup("../../etc")).toBeUndefined();
    const file = join(folder, "d/containers", ID, "config.v2.json");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, docker);
    mkdirSync(join(folder, "d/image/overlay2"), { recursive: true });
    writeFileSync(
      join(folder, "d/image/overlay2/repositories.json"),
      repositories({ [`nginx@${DIGEST}`]: IMAGE }),
    );
    expect(await lookup(ID)).toMatchObject({ name: "web", image: DIGEST });
  });
});
