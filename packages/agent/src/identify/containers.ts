import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

/** What an engine's own files say of a container. */
export type ContainerFacts = {
  /** As people call it. */
  readonly name: string | null;
  /** Digest of the image's manifest, `sha256:…`; null where the engine's files don't tell exactly one. */
  readonly image: string | null;
  readonly pod: { readonly namespace: string; readonly name: string } | null;
  readonly labels: Readonly<Record<string, string>>;
};

export type ContainerLookup = (id: string) => Promise<ContainerFacts | undefined>;

/** Containers remembered; past it all are looked up again. */
export const CONTAINERS_REMEMBERED_MAX = 4096;

/** Where engines keep what they know; root's alone. */
export type EngineFolders = {
  readonly docker: string;
  readonly storage: string;
  readonly containerd: string;
};
const FOLDERS: EngineFolders = {
  docker: "/var/lib/docker",
  storage: "/var/lib/containers/storage",
  containerd: "/run/containerd/io.containerd.runtime.v2.task",
};

/**
 * Looks a container up by the 64 digits of its control group, in the files of Docker, of Podman and CRI-O
 * (containers/storage), and in containerd's bundles. Undefined where none of them knows it: nothing is guessed.
 */
export function createContainerLookup(folders: EngineFolders = FOLDERS): ContainerLookup {
  const known = new Map<string, ContainerFacts>();
  return async (id) => {
    if (!/^[0-9a-f]{64}$/.test(id)) return undefined;
    const before = known.get(id);
    if (before !== undefined) return before;
    const found =
      (await dockerContainer(folders.docker, id)) ??
      (await storedContainer(folders.storage, id)) ??
      (await bundledContainer(folders.containerd, id));
    if (found === undefined) return undefined;
    if (known.size >= CONTAINERS_REMEMBERED_MAX) known.clear();
    known.set(id, found);
    return found;
  };
}

async function dockerContainer(folder: string, id: string): Promise<ContainerFacts | undefined> {
  const config = await read(join(folder, "containers", id, "config.v2.json"));
  if (config === undefined) return undefined;
  const repositories: string[] = [];
  for (const driver of await readdir(join(folder, "image")).catch(() => [])) {
    const text = await read(join(folder, "image", driver, "repositories.json"));
    if (text !== undefined) repositories.push(text);
  }
  return parseDocker(config, repositories);
}

async function storedContainer(folder: string, id: string): Promise<ContainerFacts | undefined> {
  for (const driver of ["overlay", "vfs", "btrfs", "zfs"]) {
    const containers = await read(join(folder, `${driver}-containers`, "containers.json"));
    const images = await read(join(folder, `${driver}-images`, "images.json"));
    const found = containers === undefined ? undefined : parseStorage(containers, images ?? "[]", id);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function bundledContainer(folder: string, id: string): Promise<ContainerFacts | undefined> {
  for (const namespace of await readdir(folder).catch(() => [])) {
    const spec = await read(join(folder, namespace, id, "config.json"));
    const found = spec === undefined ? undefined : parseBundle(spec);
    if (found !== undefined) return found;
  }
  return undefined;
}

const strings = z.record(z.string(), z.string());
const dockerConfig = z.object({
  Name: z.string().nullish(),
  Image: z.string(),
  Config: z.object({ Labels: strings.nullish() }).nullish(),
});
const dockerRepositories = z.object({ Repositories: z.record(z.string(), strings) });

/** Docker's config.v2.json, and repositories.json, which leads from an image's id to the digests it was pulled by. */
export function parseDocker(config: string, repositories: readonly string[]): ContainerFacts | undefined {
  const parsed = dockerConfig.safeParse(json(config)).data;
  if (parsed === undefined) return undefined;
  const digests = new Set<string>();
  for (const text of repositories) {
    const names = dockerRepositories.safeParse(json(text)).data?.Repositories ?? {};
    for (const [name, image] of Object.values(names).flatMap((one) => Object.entries(one))) {
      if (image === parsed.Image) digests.add(digestOf(name) ?? "");
    }
  }
  digests.delete("");
  const labels = parsed.Config?.Labels ?? {};
  return {
    name: parsed.Name?.replace(/^\//, "") ?? null,
    image: digests.size === 1 ? ([...digests][0] ?? null) : null,
    pod: podOf(labels["io.kubernetes.pod.namespace"], labels["io.kubernetes.pod.name"]),
    labels,
  };
}

const stored = z.array(
  z.object({
    id: z.string(),
    names: z.array(z.string()).nullish(),
    image: z.string().nullish(),
    metadata: z.string().nullish(),
  }),
);
const storedImages = z.array(z.object({ id: z.string(), digest: z.string().nullish() }));
const storedMetadata = z.object({
  name: z.string().nullish(),
  namespace: z.string().nullish(),
  "pod-name": z.string().nullish(),
});

/** containers.json and images.json of containers/storage; CRI-O keeps the pod's name in the metadata. */
export function parseStorage(containers: string, images: string, id: string): ContainerFacts | undefined {
  const one = stored.safeParse(json(containers)).data?.find((container) => container.id === id);
  if (one === undefined) return undefined;
  const image = storedImages.safeParse(json(images)).data?.find((entry) => entry.id === one.image);
  const metadata = storedMetadata.safeParse(json(one.metadata ?? "{}")).data;
  return {
    name: one.names?.[0] ?? metadata?.name ?? null,
    image: digestOf(`@${image?.digest ?? ""}`) ?? null,
    pod: podOf(metadata?.namespace, metadata?.["pod-name"]),
    labels: {},
  };
}

const bundle = z.object({ annotations: strings.nullish() });

/** The OCI specification in a containerd bundle: the digest only where the image was named by it. */
export function parseBundle(text: string): ContainerFacts | undefined {
  const parsed = bundle.safeParse(json(text)).data;
  if (parsed === undefined) return undefined;
  const notes = parsed.annotations ?? {};
  return {
    name: notes["io.kubernetes.cri.container-name"] ?? notes["nerdctl/name"] ?? null,
    image: digestOf(notes["io.kubernetes.cri.image-name"] ?? "") ?? null,
    pod: podOf(notes["io.kubernetes.cri.sandbox-namespace"], notes["io.kubernetes.cri.sandbox-name"]),
    labels: {},
  };
}

/** The digest behind the `@` of an image's name. */
function digestOf(name: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(name)?.[1];
}

function podOf(namespace: string | null | undefined, name: string | null | undefined): ContainerFacts["pod"] {
  return namespace == null || name == null ? null : { namespace, name };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function read(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
