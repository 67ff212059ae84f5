import { z } from "zod";
import { LABEL_KEY_LENGTH_MAX, LABEL_VALUE_LENGTH_MAX, NAME_LENGTH_MAX, PATH_LENGTH_MAX } from "../limits.ts";

/** The one API version of every resource. */
export const API_VERSION = "ringwall.dev/v1";

/** A resource's name: starts and ends alphanumeric; dots, dashes, underscores and slashes between (imports use NAMESPACE/POD). */
export const name = z
  .string()
  .min(1)
  .max(NAME_LENGTH_MAX)
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$/,
    "letters, digits, `.`, `_`, `-`, `/`; alphanumeric at both ends",
  );

export const labelKey = z
  .string()
  .min(1)
  .max(LABEL_KEY_LENGTH_MAX)
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$/,
    "letters, digits, `.`, `_`, `-`, `/`; alphanumeric at both ends",
  );

export const labelValue = z
  .string()
  .max(LABEL_VALUE_LENGTH_MAX)
  .regex(
    /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?$/,
    "letters, digits, `.`, `_`, `-`; alphanumeric at both ends, or empty",
  );

/**
 * Why nobody can say which code a process runs: it came from standard input, from its arguments, from memory, from a file
 * that is gone or was changed, or from one that is too large to be read.
 */
export const unattributable = z.enum(["stdin", "inline", "memfd", "deleted", "oversized"]);

export const labels = z.record(labelKey, labelValue);

/** One key's requirement: a value, any of several, none of several, or mere presence. */
export const labelRequirement = z.union([
  labelValue,
  z.array(labelValue).min(1),
  z.strictObject({ not: z.union([labelValue, z.array(labelValue).min(1)]) }),
  z.strictObject({ exists: z.boolean() }),
]);

/** AND over keys; `{}` selects every workload. */
export const labelSelector = z.record(labelKey, labelRequirement);

/** SHA-256 of a file's content, 64 lower-case hexadecimal digits. */
export const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "a SHA-256 digest: 64 lower-case hexadecimal digits");

export const ip = z.union([z.ipv4(), z.ipv6()], "Invalid IP address");

export const path = z.string().min(1).max(PATH_LENGTH_MAX).regex(/^\//, "an absolute path");

export const mode = z.enum(["observe", "alert", "block"]);

/** Calendar date, `2027-06-30`; it ends at midnight UTC after that day. */
export const date = z.iso.date();

export type Labels = z.infer<typeof labels>;
export type LabelRequirement = z.infer<typeof labelRequirement>;
export type LabelSelector = z.infer<typeof labelSelector>;
export type Mode = z.infer<typeof mode>;
