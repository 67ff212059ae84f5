import { parsePortSpec, type Segment } from "@ringwall/model";
import { addressSetOf, type Fleet, fleetOf, peerRanges } from "../compile/peer-set.ts";
import type { Inventory } from "../policy-set/inventory.ts";
import { listOf, selectsWorkload } from "../policy-set/labels.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { type NetworkRule, networkRules, speaksFor } from "../policy-set/rules.ts";
import { createReport, DIRECTIONS, type Direction, type Exported, lostFactors } from "./fidelity.ts";

/** One permission of a security group, as both writers need it. */
type Permission = {
  readonly direction: Direction;
  /** `tcp`, `udp`, `icmp`, an IP protocol number, or `-1` for all. */
  readonly protocol: string;
  readonly from: number;
  readonly to: number;
  readonly peer: { readonly cidr: string } | { readonly group: string };
  readonly description: string;
};
/** Terraform's own placeholder. */
const VPC = `$${"{"}var.vpc_id}`;
type Group = { readonly name: string; readonly segment: string; readonly permissions: readonly Permission[] };
type Report = ReturnType<typeof createReport>;

/** A security group for each segment, for `aws ec2 create-security-group` and `authorize-security-group-…`. */
export function exportAwsSecurityGroups(set: PolicySet, inventory: Inventory): Exported {
  const { groups, report } = groupsOf(set, inventory);
  const SecurityGroups = groups.map((group) => ({
    GroupName: group.name,
    Description: `Ringwall segment ${group.segment}`,
    IpPermissions: group.permissions.filter((one) => one.direction === "inbound").map(ipPermission),
    IpPermissionsEgress: group.permissions.filter((one) => one.direction === "outbound").map(ipPermission),
  }));
  const text = `${JSON.stringify({ SecurityGroups }, null, 2)}\n`;
  return { files: [{ path: "security-groups.json", text }], fidelity: report.result() };
}

/** The same as Terraform JSON (provider hashicorp/aws 5); the VPC comes in as a variable. */
export function exportTerraform(set: PolicySet, inventory: Inventory): Exported {
  const { groups, report } = groupsOf(set, inventory);
  const rulesOf = (direction: Direction) =>
    Object.fromEntries(
      groups.flatMap((group) =>
        group.permissions
          .filter((one) => one.direction === direction)
          .map((one, i) => [`${group.name}_${i + 1}`, terraformRule(group.name, one)]),
      ),
    );
  const resource = {
    aws_security_group: Object.fromEntries(
      groups.map(({ name, segment }) => [
        name,
        {
          name,
          description: `Ringwall segment ${segment}`,
          vpc_id: VPC,
          revoke_rules_on_delete: true,
        },
      ]),
    ),
    ...nonEmpty("aws_vpc_security_group_ingress_rule", rulesOf("inbound")),
    ...nonEmpty("aws_vpc_security_group_egress_rule", rulesOf("outbound")),
  };
  const document = { variable: { vpc_id: { type: "string" } }, ...(groups.length === 0 ? {} : { resource }) };
  const text = `${JSON.stringify(document, null, 2)}\n`;
  return { files: [{ path: "security-groups.tf.json", text }], fidelity: report.result() };
}

function nonEmpty(type: string, rules: Record<string, unknown>): Record<string, unknown> {
  return Object.keys(rules).length === 0 ? {} : { [type]: rules };
}

function ipPermission({ protocol, from, to, peer, description }: Permission): unknown {
  const ports = protocol === "-1" ? {} : { FromPort: from, ToPort: to };
  const Description = description;
  if ("group" in peer)
    return { IpProtocol: protocol, ...ports, UserIdGroupPairs: [{ GroupName: peer.group, Description }] };
  if (peer.cidr.includes(":"))
    return { IpProtocol: protocol, ...ports, Ipv6Ranges: [{ CidrIpv6: peer.cidr, Description }] };
  return { IpProtocol: protocol, ...ports, IpRanges: [{ CidrIp: peer.cidr, Description }] };
}

function terraformRule(group: string, { protocol, from, to, peer, description }: Permission): unknown {
  const id = (name: string) => `\${aws_security_group.${name}.id}`;
  const where =
    "group" in peer
      ? { referenced_security_group_id: id(peer.group) }
      : peer.cidr.includes(":")
        ? { cidr_ipv6: peer.cidr }
        : { cidr_ipv4: peer.cidr };
  const ports = protocol === "-1" ? {} : { from_port: from, to_port: to };
  return { security_group_id: id(group), ip_protocol: protocol, ...ports, ...where, description };
}

function groupsOf(
  set: PolicySet,
  inventory: Inventory,
): { readonly groups: readonly Group[]; readonly report: Report } {
  const fleet: Fleet = fleetOf(set, inventory);
  const report = createReport(set, fleet);
  const rules = networkRules(set);
  for (const rule of rules) {
    if (rule.action === "deny") report.missing(rule, "a security group can't deny");
    else for (const lost of lostFactors(rule)) report.wider(rule, `${lost} can't be said`);
  }
  const governed = set.segments.filter((one) => DIRECTIONS.some((direction) => blocks(one, direction)));
  const names = new Map(governed.map((one) => [one.metadata.name, groupName(one.metadata.name)]));
  const groups = governed.map((segment) => ({
    name: names.get(segment.metadata.name) ?? "",
    segment: segment.metadata.name,
    permissions: DIRECTIONS.flatMap((direction) =>
      blocks(segment, direction)
        ? rules.flatMap((rule) => permissionsOf(fleet, segment, rule, direction, names, report))
        : everything(direction),
    ),
  }));
  return { groups, report };
}

function blocks(segment: Segment, direction: Direction): boolean {
  return (segment.spec.mode ?? segment.spec.modes?.[direction]) === "block";
}

/** A direction that is not in block is open. */
function everything(direction: Direction): readonly Permission[] {
  return ["0.0.0.0/0", "::/0"].map((cidr) => ({
    direction,
    protocol: "-1",
    from: 0,
    to: 0,
    peer: { cidr },
    description: "this direction is not in block",
  }));
}

function permissionsOf(
  fleet: Fleet,
  segment: Segment,
  rule: NetworkRule,
  direction: Direction,
  names: ReadonlyMap<string, string>,
  report: Report,
): readonly Permission[] {
  if (rule.action === "deny" || !speaksFor(rule, direction)) return [];
  const [own, peer] = direction === "outbound" ? [rule.from, rule.to] : [rule.to, rule.from];
  if (!coversSegment(fleet, own, segment, rule, report)) return [];
  const description = rule.name
    .replaceAll(/[^A-Za-z0-9 ._:/()#,@[\]+=&;{}!$*-]/g, "-")
    .slice(0, DESCRIPTION_LENGTH_MAX);
  const ports = portsOf(rule);
  return peersOf(fleet, peer, names, rule, report).flatMap((where) =>
    ports.map((port) => ({ direction, ...port, peer: where, description })),
  );
}

/** AWS' own limit for a rule's description. */
const DESCRIPTION_LENGTH_MAX = 255;

/** Whether the rule speaks for the whole segment; a part of it can't be said. */
function coversSegment(
  fleet: Fleet,
  own: NetworkRule["to"],
  segment: Segment,
  rule: NetworkRule,
  report: Report,
): boolean {
  const named = own.segment === undefined || listOf(own.segment).includes(segment.metadata.name);
  const more = [own.labels, own.workload, own.cidr, own.unmanaged, own.internet].some(
    (one) => one !== undefined,
  );
  if (named && !more) return true;
  const members = fleet.inventory.workloads.filter((one) => selectsWorkload(segment.spec.workloads, one));
  const others = fleet.set.segments.filter(
    (one) => own.segment !== undefined && listOf(own.segment).includes(one.metadata.name),
  );
  const spoken = members.filter(
    (one) =>
      (own.segment === undefined || others.some((other) => selectsWorkload(other.spec.workloads, one))) &&
      (own.labels === undefined || selectsWorkload(own.labels, one)) &&
      (own.workload === undefined || listOf(own.workload).includes(one.metadata.name)) &&
      own.cidr === undefined &&
      own.unmanaged === undefined &&
      own.internet === undefined,
  );
  if (spoken.length === 0) return false;
  if (spoken.length === members.length) return true;
  report.missing(rule, `it speaks for a part of the segment \`${segment.metadata.name}\` only`);
  return false;
}

function portsOf(rule: NetworkRule): readonly Pick<Permission, "protocol" | "from" | "to">[] {
  if (rule.ports === undefined) return [{ protocol: "-1", from: 0, to: 0 }];
  return rule.ports.flatMap((text) => {
    const spec = parsePortSpec(text);
    if (spec === null || spec.kind === "named") return [];
    if (spec.proto === "sctp") return [{ protocol: "132", from: -1, to: -1 }];
    if (spec.proto !== "icmp") return [{ protocol: spec.proto, from: spec.from, to: spec.to }];
    const whole = spec.from === 0 && spec.to === 255;
    return [{ protocol: "icmp", from: whole ? -1 : spec.from, to: -1 }];
  });
}

function peersOf(
  fleet: Fleet,
  peer: NetworkRule["to"],
  names: ReadonlyMap<string, string>,
  rule: NetworkRule,
  report: Report,
): readonly Permission["peer"][] {
  for (const text of rule.ports ?? []) {
    const spec = parsePortSpec(text);
    if (spec?.kind === "named") report.missing(rule, "a security group has no named ports");
    if (spec?.proto === "sctp" && text !== "sctp") report.wider(rule, "a security group knows no SCTP ports");
  }
  const { segment, labels, workload, cidr, unmanaged, internet } = peer;
  const alone = [labels, workload, cidr, unmanaged, internet].every((one) => one === undefined);
  if (alone && segment === undefined) return [{ cidr: "0.0.0.0/0" }, { cidr: "::/0" }];
  const groups = segment === undefined ? [] : listOf(segment).map((one) => names.get(one));
  if (alone && groups.every((one) => one !== undefined)) return groups.map((group) => ({ group }));
  const [someone] = fleet.inventory.workloads;
  const ranges = someone === undefined ? [] : (peerRanges(fleet, peer, "allow", someone) ?? []);
  const { include, exclude } = addressSetOf(ranges.filter(({ first }) => first !== LOOPBACK_FIRST));
  if (exclude.length > 0) report.wider(rule, "a security group can't except addresses");
  return include.map((one) => ({ cidr: one }));
}

/** ::1, which is nobody's on a wire. */
const LOOPBACK_FIRST = 1n;

function groupName(segment: string): string {
  return `ringwall_${segment.toLowerCase().replace(/[^a-z0-9]+/g, "_")}`;
}
