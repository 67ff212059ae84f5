import { adoptConnections } from "../kernel-instance.ts";
import { socketsOf } from "./listeners.ts";
import { namespacesOf } from "./namespaces.ts";

/**
 * Has the kernel take over connections that are older than its programs, so that they are recorded, and cut like
 * others; returns how many. What has been taken over, or was seen to begin, is left alone, so that it may be repeated.
 */
export async function adoptOlder(pinDir: string, tgids: Iterable<number>): Promise<number> {
  let adopted = 0;
  for (const namespace of await namespacesOf(tgids)) {
    const owners: string[] = [];
    for (const tgid of namespace.tgids) {
      for (const inode of await socketsOf(tgid)) owners.push(`${inode} ${tgid}\n`);
    }
    if (owners.length > 0) adopted += await adoptConnections(pinDir, namespace.path, owners.join(""));
  }
  return adopted;
}
