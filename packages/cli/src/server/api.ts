import type { Place, Problem } from "@ringwall/model";
import { problemDetails } from "@ringwall/protocol/rest";
import type { z } from "zod";
import { Failure, failure } from "../failure.ts";
import { type Location, locate, type ServerOptions } from "./locate.ts";

/** How long an answer may take before the command gives up; questions about many flows get the longer time. */
export const ANSWER_MS_MAX = 30_000;
export const LONG_ANSWER_MS_MAX = 300_000;

type Method = "GET" | "PUT" | "POST" | "DELETE";
type Query = Readonly<Record<string, string | number | undefined>>;
type Request = { readonly query?: Query; readonly body?: unknown; readonly answerMsMax?: number };

/** The controller's REST interface: replies are checked against the protocol's schemas, problems become Failure. */
export type Api = {
  readonly url: URL;
  readonly get: <T>(path: string, schema: z.ZodType<T>, query?: Query, answerMsMax?: number) => Promise<T>;
  readonly send: <T>(
    method: "PUT" | "POST" | "DELETE",
    path: string,
    body: unknown,
    schema: z.ZodType<T>,
    answerMsMax?: number,
  ) => Promise<T>;
};

export function openApi(options: ServerOptions): Api {
  const location = locate(options);
  return {
    url: location.url,
    get: (path, schema, query, answerMsMax) =>
      ask(location, "GET", path, schema, { ...(query && { query }), ...(answerMsMax && { answerMsMax }) }),
    send: (method, path, body, schema, answerMsMax) =>
      ask(location, method, path, schema, { body, ...(answerMsMax && { answerMsMax }) }),
  };
}

async function ask<T>(
  location: Location,
  method: Method,
  path: string,
  schema: z.ZodType<T>,
  request: Request,
): Promise<T> {
  const response = await send(location, method, path, request);
  const value = await readJson(location, response);
  if (!response.ok) throw refusal(location, response.status, value);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw failure(
    "unexpected-reply",
    `the controller at \`${location.url.origin}\` replied to \`${path}\` with something else than this version expects: ` +
      `\`${issue?.path.join(".") ?? ""}\` ${issue?.message ?? ""}`,
    "use the same version of ringwall on both sides",
  );
}

async function send(location: Location, method: Method, path: string, request: Request): Promise<Response> {
  const url = new URL(path, location.url);
  for (const [key, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) url.searchParams.set(key, String(value));
  }
  const headers: Record<string, string> = {
    authorization: `Bearer ${location.token}`,
    accept: "application/json",
  };
  if (request.body !== undefined) headers["content-type"] = "application/json";
  const answerMsMax = request.answerMsMax ?? ANSWER_MS_MAX;
  try {
    return await fetch(url, {
      method,
      headers,
      redirect: "error",
      signal: AbortSignal.timeout(answerMsMax),
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
  } catch (error) {
    throw unreachable(location, error, answerMsMax);
  }
}

function unreachable(location: Location, error: unknown, answerMsMax: number): Failure {
  const where = `\`${location.url.origin}\` (from ${location.from})`;
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return failure(
      "controller-silent",
      `the controller at ${where} did not answer within ${answerMsMax / 1000} s`,
      "look at its log, or try again",
    );
  }
  const cause =
    error instanceof Error && error.cause instanceof Error
      ? (error.cause as NodeJS.ErrnoException)
      : undefined;
  const why =
    cause?.code === "ECONNREFUSED"
      ? "nothing listens there"
      : (cause?.code ?? cause?.message ?? String(error));
  return failure(
    "controller-unreachable",
    `no controller answers at ${where}: ${why}`,
    "start one with `ringwall up`, or name another with `--server URL` or RINGWALL_SERVER",
  );
}

async function readJson(location: Location, response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    throw failure(
      "not-a-controller",
      `what answers at \`${location.url.origin}\` is not a Ringwall controller`,
      "check `--server`",
    );
  }
}

/** A conflict with the controller's present state is the answer "no" (1); anything else was a wrong call or input (2). */
function refusal(location: Location, status: number, value: unknown): Failure {
  const exitCode = status === 409 ? 1 : 2;
  if (status === 401) {
    return failure(
      "token-refused",
      `the controller at \`${location.url.origin}\` does not accept the token in \`${location.tokenFile}\``,
      "name the right file with `--token-file`, or the right controller with `--server`",
    );
  }
  const parsed = problemDetails.safeParse(value);
  if (!parsed.success)
    return failure(
      "controller-error",
      `the controller replied with status ${status}`,
      "look at its log",
      exitCode,
    );
  const { code, title, detail, fix, problems = [] } = parsed.data;
  const summary = {
    code,
    severity: "error" as const,
    message: detail ?? title,
    ...(fix === undefined ? {} : { fix }),
  };
  return new Failure([...problems, summary].map(toProblem), exitCode);
}

/** The same problem with absent keys in place of undefined ones. */
function toProblem(given: {
  code: string;
  severity: Problem["severity"];
  message: string;
  fix?: string | undefined;
  place?: Place | undefined;
}): Problem {
  const { code, severity, message, fix, place } = given;
  return {
    code,
    severity,
    message,
    ...(fix === undefined ? {} : { fix }),
    ...(place === undefined ? {} : { place }),
  };
}
