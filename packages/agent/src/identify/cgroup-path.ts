/** What a control group's path says about who runs in it. */
export type CgroupOwner = {
  /** The systemd unit, `nginx.service`. */
  readonly unit: string | null;
  /** The container's 64 hexadecimal digits, as runtimes name their groups; machine and LXC names as they are. */
  readonly container: string | null;
  /** The Kubernetes pod's UID. */
  readonly pod: string | null;
};

const UNIT = /^[A-Za-z0-9:_.@\\-]{1,240}\.(?:service|scope|socket|mount|swap)$/;
/** `docker-ID.scope`, `cri-containerd-ID.scope`, `crio-ID`, `libpod-ID.scope`, `nerdctl-ID.scope`, or the id alone. */
const CONTAINER_ID = /^(?:(?!.*conmon)[a-z][a-z-]*-)?([0-9a-f]{64})(?:\.scope)?$/;
const NAMED_CONTAINER = /^(?:lxc\.payload\.|machine-|systemd-nspawn@)(.+?)(?:\.scope|\.service)?$/;
/** `pod1234…` of the kubelet's cgroupfs driver, `kubepods-burstable-pod1234….slice` of its systemd driver. */
const POD =
  /^(?:kubepods(?:-[a-z]+)?-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$/;

/**
 * Reads unit and container from a cgroup2 path below the agent's own scope. The outermost unit counts: what lies below
 * it may be delegated, and a user could name a group there as he likes.
 */
export function parseCgroupPath(path: string, scope = "/"): CgroupOwner {
  const below = scope === "/" || !isBelow(path, scope) ? path : path.slice(scope.length);
  const parts = below.split("/").filter((part) => part !== "");
  let unit: string | null = null;
  for (const part of parts) {
    if (part.endsWith(".slice")) continue;
    if (UNIT.test(part)) unit = part;
    break;
  }
  let pod: string | null = null;
  for (const [index, part] of parts.entries()) {
    pod ??= POD.exec(part)?.[1]?.replaceAll("_", "-") ?? null;
    const name =
      CONTAINER_ID.exec(part)?.[1] ??
      NAMED_CONTAINER.exec(part)?.[1] ??
      (parts[index - 1] === "lxc" ? part : undefined);
    if (name !== undefined) return { unit, container: name, pod };
  }
  return { unit, container: null, pod };
}

function isBelow(path: string, scope: string): boolean {
  return path === scope || path.startsWith(`${scope}/`);
}

/** The cgroup2 line of /proc/PID/cgroup, `0::/PATH`; a removed group's ` (deleted)` is cut off. */
export function parseProcCgroup(text: string): string | undefined {
  const line = text.split("\n").find((entry) => entry.startsWith("0::"));
  return line?.slice(3).replace(/ \(deleted\)$/, "");
}
