import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";

/** Two networks joined by a wire: 10.78.0.1 is the first, 10.78.0.2 the second. */
export class DrillNetwork {
  readonly names = [0, 1].map((i) => `rwdrill${i}${randomBytes(3).toString("hex")}`) as [string, string];
  static readonly addresses = ["10.78.0.1", "10.78.0.2"] as const;

  constructor() {
    const [a, b] = this.names;
    for (const name of this.names) ip("netns", "add", name);
    ip("link", "add", "wire0", "netns", a, "type", "veth", "peer", "name", "wire0", "netns", b);
    this.names.forEach((name, i) => {
      ip("-n", name, "link", "set", "lo", "up");
      ip("-n", name, "addr", "add", `${DrillNetwork.addresses[i]}/24`, "dev", "wire0");
      ip("-n", name, "link", "set", "wire0", "up");
    });
  }

  path(index: 0 | 1): string {
    return `/run/netns/${this.names[index]}`;
  }

  close(): void {
    for (const name of this.names) ip("netns", "delete", name);
  }
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", [...args]);
}
