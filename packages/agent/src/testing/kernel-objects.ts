import { execFileSync } from "node:child_process";
import { KernelMap } from "../kernel/kernel-map.ts";

/** Ids of what is in the kernel. */
export type KernelObjects = {
  readonly links: readonly number[];
  readonly programs: readonly number[];
  readonly maps: readonly number[];
};

type Listed = {
  readonly id: number;
  readonly prog_id?: number;
  readonly map_ids?: readonly number[];
  readonly pinned?: readonly string[];
};

/** The maps that hold maps which nothing else holds. */
const OUTER = ["policies", "peers", "subjects", "remotes"];

/** bpftool's word on something, read as what that command prints. */
export function bpftool<T = Listed[]>(...args: readonly string[]): T {
  return JSON.parse(execFileSync("bpftool", ["-j", ...args], { encoding: "utf8", maxBuffer: 1 << 28 }));
}

/** What is pinned at a place, and all that it keeps in the kernel: programs of links, maps of programs, maps of maps. */
export function objectsOf(pinDir: string): KernelObjects {
  const isOurs = ({ pinned = [] }: Listed) => pinned.some((path) => path.startsWith(`${pinDir}/`));
  const links = bpftool("-f", "link", "show").filter(isOurs);
  const behind = new Set(links.map(({ prog_id }) => prog_id));
  const programs = bpftool("-f", "prog", "show").filter((one) => isOurs(one) || behind.has(one.id));
  const maps = new Set([
    ...bpftool("-f", "map", "show").flatMap((one) => (isOurs(one) ? one.id : [])),
    ...programs.flatMap(({ map_ids = [] }) => map_ids),
    ...OUTER.flatMap((name) => innerMaps(pinDir, name)),
  ]);
  return { links: links.map(({ id }) => id), programs: programs.map(({ id }) => id), maps: [...maps] };
}

function innerMaps(pinDir: string, name: string): readonly number[] {
  const outer = KernelMap.openPinned(pinDir, name);
  try {
    return [...outer.keys()].flatMap((key) => outer.get(key)?.getUint32(0, true) ?? []);
  } finally {
    outer.close();
  }
}

/** Those that the kernel still has. */
export function stillThere({ links, programs, maps }: KernelObjects): KernelObjects {
  const left = (kind: string, ids: readonly number[]) => {
    const now = new Set(bpftool(kind, "show").map(({ id }) => id));
    return ids.filter((id) => now.has(id));
  };
  return { links: left("link", links), programs: left("prog", programs), maps: left("map", maps) };
}
