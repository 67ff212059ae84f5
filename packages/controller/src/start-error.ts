/** Why the controller can't start, or go on, for people: what is wrong, and what to do about it. The command line exits with 2. */
export class ControllerStartError extends Error {
  /** Stable, such as `port-in-use`. */
  readonly code: string;
  readonly fix: string;

  constructor(code: string, message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ControllerStartError";
    this.code = code;
    this.fix = fix;
  }
}
