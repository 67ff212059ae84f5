import { constants } from "node:fs";
import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { addAbortSignal } from "node:stream";
import { text as readStream } from "node:stream/consumers";
import { AgentError, agentError } from "../agent-error.ts";
import type { AgentOptions } from "../agent-options.ts";
import { type EnrolmentToken, parseToken, TOKEN_LENGTH_MAX } from "./token.ts";

/** Bytes that are read of a file in which a token was placed: blanks may stand around it. */
const PLACED_BYTES_MAX = 2 * TOKEN_LENGTH_MAX;
const WRITABLE_BY_OTHERS = 0o022;

export function hasToken(options: AgentOptions): boolean {
  return options.tokenFile !== undefined || process.env["RINGWALL_TOKEN"] !== undefined;
}

/** The token that the agent was started with. */
export async function loadToken(options: AgentOptions): Promise<EnrolmentToken> {
  const text = await tokenText(options);
  // Not handed on to child processes.
  delete process.env["RINGWALL_TOKEN"];
  return tokenIn(text);
}

/** A file is read each time: a new token may be in it by then. */
export function tokenSource(options: AgentOptions): () => Promise<EnrolmentToken> {
  if (options.tokenFile !== undefined && options.tokenFile !== "-") return () => loadToken(options);
  const token = loadToken(options);
  token.catch(() => undefined);
  return () => token;
}

/** The file in which a running agent may find a new token; undefined where it was given by other means, as a pipe too. */
export async function tokenPlaceOf({ tokenFile }: AgentOptions): Promise<string | undefined> {
  if (tokenFile === undefined || tokenFile === "-") return undefined;
  const isFile = await stat(tokenFile).then(
    (found) => found.isFile(),
    () => true,
  );
  return isFile ? tokenFile : undefined;
}

/**
 * What was placed there for a running agent, which nobody started with it: so others than root and the agent's own user must
 * not be able to place it. Null where nothing is there. Never waits for a writer, whatever the file is by now.
 */
export async function loadPlacedToken(file: string): Promise<EnrolmentToken | null> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw unreadable(file, error);
  }
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw unreadable(file, new Error("no regular file"));
    const isOurs = found.uid === 0 || found.uid === process.getuid?.();
    if (!isOurs || (found.mode & WRITABLE_BY_OTHERS) !== 0) throw writable(file, found);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(PLACED_BYTES_MAX), 0, PLACED_BYTES_MAX, 0);
    const text = buffer.toString("utf8", 0, bytesRead);
    return text.trim() === "" ? null : tokenIn(text);
  } finally {
    await handle.close();
  }
}

function tokenIn(text: string): EnrolmentToken {
  const token = parseToken(text);
  if (!token.ok) throw new AgentError(token.error);
  return token.value;
}

async function tokenText(options: AgentOptions): Promise<string> {
  const { tokenFile } = options;
  if (tokenFile === "-") return readStream(addAbortSignal(options.signal, process.stdin));
  if (tokenFile !== undefined) {
    return readFile(tokenFile, "utf8").catch((error: unknown) => {
      throw unreadable(tokenFile, error);
    });
  }
  const fromEnvironment = process.env["RINGWALL_TOKEN"];
  if (fromEnvironment !== undefined) return fromEnvironment;
  throw agentError(
    "not-enrolled",
    `no agent is enrolled in \`${options.stateDir}\`, and there is no token to enrol with`,
    "make a token on the controller with `ringwall token create` and start the agent with --token-file FILE",
  );
}

function unreadable(file: string, cause: unknown): AgentError {
  return agentError(
    "token-unreadable",
    `the token file \`${file}\` can't be read`,
    "name the file with --token-file",
    cause,
  );
}

function writable(file: string, { uid, mode }: { readonly uid: number; readonly mode: number }): AgentError {
  const rights = (mode & 0o777).toString(8).padStart(4, "0");
  return agentError(
    "token-writable",
    `others than root may place a token in \`${file}\`: it belongs to the user ${uid} and has the mode ${rights}`,
    `look whose token it is; then \`chown root ${file}\` and \`chmod 0600 ${file}\``,
  );
}
