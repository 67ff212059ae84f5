import { Code, ConnectError } from "@connectrpc/connect";
import { AgentError } from "../agent-error.ts";

/** Why a call to the controller failed, sorted by what the agent does about it. */
export type Failure = {
  /** `retry`: the same call may work later. `refused`: the controller or TLS said no, and will again. */
  readonly kind: "retry" | "refused";
  readonly code: string;
  readonly message: string;
  readonly fix: string;
};

/** Turns whatever a call threw into words for people. */
export function explainFailure(error: unknown, controller: string): Failure {
  const [problem] = error instanceof AgentError ? error.problems : [];
  if (problem !== undefined)
    return { kind: "refused", code: problem.code, message: problem.message, fix: problem.fix ?? "" };
  const code = errorCodeOf(error);
  const network = code === undefined ? undefined : NETWORK[code];
  if (network !== undefined) {
    const message = `the controller \`${controller}\` can't be reached: ${network} (${code})`;
    return {
      kind: "retry",
      code: "controller-unreachable",
      message,
      fix: "check that it runs and that its port is open",
    };
  }
  const tls = code === undefined ? undefined : explainTls(code, controller);
  if (tls !== undefined) return tls;
  if (error instanceof ConnectError && !isLocal(error)) return explainRefusal(error, controller);
  const message = `the connection to the controller \`${controller}\` failed: ${oneLine(error)}`;
  return {
    kind: "retry",
    code: "controller-unreachable",
    message,
    fix: "check that it runs and that its port is open",
  };
}

/** Whether enrolling again mends it: the controller, or this agent's word of it, is another now. */
export function isOfEnrolment(code: string): boolean {
  return ["controller-refused", "certificate-refused", "controller-not-trusted"].includes(code);
}

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "the name has no address",
  EAI_AGAIN: "the name can't be resolved now",
  ETIMEDOUT: "no answer",
  EHOSTUNREACH: "no route to it",
  ENETUNREACH: "no route to it",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was closed",
  EPERM: "this host's own policy or firewall refused it",
};

function explainTls(code: string, controller: string): Failure | undefined {
  if (/^(?:SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|CERT_(?:SIGNATURE|UNTRUSTED|REJECTED))/.test(code)) {
    const message = `the certificate of \`${controller}\` was not issued by the controller's authority (${code})`;
    const fix =
      "check that nobody stands in between; if the controller was set up anew, enrol again with a new token";
    return { kind: "refused", code: "controller-not-trusted", message, fix };
  }
  if (/^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)/.test(code)) {
    const message = `the controller's certificate is not valid now (${code})`;
    return {
      kind: "refused",
      code: "controller-not-trusted",
      message,
      fix: "check the clocks of this host and of the controller",
    };
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const message = `the certificate shown at \`${controller}\` does not name that address as the controller's`;
    const fix = "use the address the controller advertises, or start it with --advertise-agents for this one";
    return { kind: "refused", code: "controller-not-trusted", message, fix };
  }
  if (/ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE|ACCESS_DENIED)|ALERT_.*CERTIFICATE/.test(code)) {
    const message = `the controller \`${controller}\` refused this agent's certificate (${code})`;
    return { kind: "refused", code: "certificate-refused", message, fix: ENROL_AGAIN };
  }
  return undefined;
}

const ENROL_AGAIN =
  "enrol again: make a token with `ringwall token create --name WORKLOAD` and start the agent with --token-file";

function explainRefusal(error: ConnectError, controller: string): Failure {
  const said = error.rawMessage === "" ? Code[error.code] : oneLine(error.rawMessage);
  switch (error.code) {
    case Code.Unauthenticated:
    case Code.PermissionDenied:
    case Code.InvalidArgument:
    case Code.FailedPrecondition:
    case Code.NotFound:
    case Code.AlreadyExists:
    case Code.OutOfRange:
    case Code.Unimplemented: {
      const message = `the controller \`${controller}\` refused: ${said}`;
      return { kind: "refused", code: "controller-refused", message, fix: ENROL_AGAIN };
    }
    default: {
      const message = `the controller \`${controller}\` could not answer: ${said}`;
      return { kind: "retry", code: "controller-failed", message, fix: "see the controller's log" };
    }
  }
}

/** Connect wraps transport errors too; those have a cause with a system code, or say so in the text. */
function isLocal(error: ConnectError): boolean {
  return error.code === Code.Aborted || error.code === Code.Canceled;
}

/** The innermost `code` along the chain of causes. */
function errorCodeOf(error: unknown): string | undefined {
  let found: string | undefined;
  let current: unknown = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    const { code } = current as NodeJS.ErrnoException;
    if (typeof code === "string") found = code;
    if (current instanceof AggregateError && current.errors[0] instanceof Error) current = current.errors[0];
    else current = current.cause;
  }
  return found;
}

/** Foreign text on one line, bounded: a peer must not be able to forge log lines. */
function oneLine(value: unknown): string {
  const text = value instanceof Error ? value.message : String(value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what has to go
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 500);
}
