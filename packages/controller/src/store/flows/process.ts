import { createHash } from "node:crypto";
import type { Evidence, ProcessIdentity } from "@ringwall/model";
import { formatArrayField, formatField, formatRow } from "./tsv.ts";

/** 64 bits of the SHA-256 of a process identity's fields, as a decimal number; `"0"` = the process is not known. */
export type ProcessId = string & { readonly brand: "ProcessId" };
export const PROCESS_UNKNOWN = "0" as ProcessId;

export const PROCESS_COLUMNS = [
  "id",
  "exe",
  "exe_sha256",
  "script",
  "script_sha256",
  "unattributable",
  "user",
  "unit",
  "container",
  "image",
  "package",
  "evidence",
  "environment",
] as const;

/** Hexadecimal SHA-256 of a process identity's fields. */
export function digestOf(identity: ProcessIdentity): string {
  return createHash("sha256")
    .update(JSON.stringify(fieldsOf(identity)))
    .digest("hex");
}

export function processIdOf(identity: ProcessIdentity): ProcessId {
  const id = BigInt(`0x${digestOf(identity).slice(0, 16)}`);
  return String(id === 0n ? 1n : id) as ProcessId;
}

export function formatProcess(id: ProcessId, identity: ProcessIdentity): string {
  const fields = fieldsOf(identity).map((field) =>
    typeof field === "string" ? formatField(field) : formatArrayField(field),
  );
  return formatRow([id, ...fields]);
}

function fieldsOf(identity: ProcessIdentity): readonly (string | readonly string[])[] {
  return [
    identity.exe,
    identity.exeSha256 ?? "",
    identity.script ?? "",
    identity.scriptSha256 ?? "",
    identity.unattributable ?? "",
    identity.user ?? "",
    identity.unit ?? "",
    identity.container ?? "",
    identity.image ?? "",
    identity.package ?? "",
    identity.evidence ?? "",
    identity.environment,
  ];
}

/** A row of `ringwall.processes`, selected with `toString(id) AS id`. */
export type ProcessRow = {
  readonly id: ProcessId;
  readonly exe: string;
  readonly exe_sha256: string;
  readonly script: string;
  readonly script_sha256: string;
  readonly unattributable: string;
  readonly user: string;
  readonly unit: string;
  readonly container: string;
  readonly image: string;
  readonly package: string;
  readonly evidence: string;
  readonly environment: readonly string[];
};

const orNull = (text: string) => (text === "" ? null : text);

export function identityOf(row: ProcessRow): ProcessIdentity {
  return {
    exe: row.exe,
    exeSha256: orNull(row.exe_sha256),
    script: orNull(row.script),
    scriptSha256: orNull(row.script_sha256),
    // Only the decoder writes these columns, and it checks both against the model's values.
    unattributable: orNull(row.unattributable) as ProcessIdentity["unattributable"],
    user: orNull(row.user),
    unit: orNull(row.unit),
    container: orNull(row.container),
    image: orNull(row.image),
    package: orNull(row.package),
    evidence: orNull(row.evidence) as Evidence | null,
    environment: row.environment,
  };
}
