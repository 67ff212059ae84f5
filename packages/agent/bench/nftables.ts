/** The same decisions by nftables: a set of as many elements behind connection tracking, in a host's namespace. */
import { execFileSync } from "node:child_process";
import type { TestHost } from "../src/kernel/testing/host.ts";

/** A set as large as the policy, asked for what conntrack does not know yet, in both directions. */
export function ruleset(elements: number): string {
  const others = Array.from(
    { length: Math.max(elements - 2, 1) },
    (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255} . tcp`,
  );
  const chain = (name: string, field: string) => [
    `add chain inet bench ${name} { type filter hook ${name} priority 0; policy drop; }`,
    `add rule inet bench ${name} ct state established,related accept`,
    `add rule inet bench ${name} ip ${field} . meta l4proto @allowed accept`,
  ];
  return [
    "add table inet bench",
    "add set inet bench allowed { type ipv4_addr . inet_proto; }",
    `add element inet bench allowed { 127.0.0.1 . tcp, 127.0.0.1 . udp, ${others.join(", ")} }`,
    ...chain("input", "saddr"),
    ...chain("output", "daddr"),
  ].join("\n");
}

export function nft(host: TestHost, commands: string): void {
  execFileSync("nsenter", [`--net=/run/netns/${host.name}`, "nft", "-f", "-"], {
    input: `${commands}\n`,
    stdio: ["pipe", "ignore", "ignore"],
  });
}

/** Whether this kernel has what the comparison needs. */
export function tryNft(host: TestHost): boolean {
  try {
    nft(host, ruleset(2));
    nft(host, "delete table inet bench");
    return true;
  } catch {
    return false;
  }
}
