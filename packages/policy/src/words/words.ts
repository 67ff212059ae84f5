import type { FlowEnd } from "@ringwall/model";

/** What a rule's author wrote for one factor, on one line. */
export function formatWanted(wanted: unknown): string {
  if (typeof wanted === "string") return wanted;
  if (Array.isArray(wanted)) return wanted.map(formatWanted).join(" or ");
  if (typeof wanted !== "object" || wanted === null) return String(wanted);
  if ("not" in wanted) return `anything but ${formatWanted(wanted.not)}`;
  if ("block" in wanted) {
    const except = "except" in wanted && Array.isArray(wanted.except) ? wanted.except : [];
    return `${formatWanted(wanted.block)}${except.length > 0 ? ` except ${formatWanted(except)}` : ""}`;
  }
  if ("exists" in wanted) return wanted.exists === true ? "present" : "absent";
  const parts = Object.entries(wanted).map(([key, value]) => `${key} ${formatWanted(value)}`);
  return parts.length === 0 ? "any" : parts.join(" and ");
}

/** The end as a person would name it: its workload, else its address, else its name. */
export function formatEnd(end: FlowEnd): string {
  return end.workload ?? end.ip ?? end.fqdn ?? "an unknown end";
}

/** The process as a person would name it. */
export function formatProcess(end: FlowEnd): string {
  if (typeof end.software === "string") return end.software;
  if (typeof end.exe !== "string") return "not known";
  return typeof end.script === "string" ? `${end.exe} ${end.script}` : end.exe;
}
