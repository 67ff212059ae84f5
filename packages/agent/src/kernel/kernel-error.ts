/** The kernel refused an operation on a pinned object. */
export class KernelError extends Error {
  override readonly name = "KernelError";
  /** What was being done, e.g. `update policies`. */
  readonly operation: string;
  /** The errno name, e.g. `E2BIG`. */
  readonly code: string;

  constructor(operation: string, code: string, help?: string) {
    super(`kernel: \`${operation}\` failed: ${code}${help === undefined ? "" : `; ${help}`}`);
    this.operation = operation;
    this.code = code;
  }
}
