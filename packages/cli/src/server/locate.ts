import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import type { Command } from "commander";
import { failure } from "../failure.ts";
import { note } from "../output/print.ts";
import { addressFile, defaultDataDir, operatorTokenFile } from "./data-dir.ts";

export const SERVER_DEFAULT = "http://127.0.0.1:7480";

export type ServerOptions = { readonly server?: string; readonly tokenFile?: string };

/** Where the controller is and what to say to it; `from` tells people why this address was taken. */
export type Location = {
  readonly url: URL;
  readonly from: string;
  readonly token: string;
  readonly tokenFile: string;
};

/** Adds the options that every command which asks the controller has. */
export function withServerOptions(command: Command): Command {
  return command
    .option(
      "--server <url>",
      `the controller (default: RINGWALL_SERVER, else this machine's, else ${SERVER_DEFAULT})`,
    )
    .option(
      "--token-file <file>",
      "file with the operator's token (default: RINGWALL_TOKEN_FILE, else this machine's)",
    );
}

/** Finds the controller and the token. Throws Failure that says where it looked. */
export function locate(options: ServerOptions): Location {
  const { text, from } = findAddress(options);
  const tokenFile =
    options.tokenFile ?? process.env["RINGWALL_TOKEN_FILE"] ?? operatorTokenFile(defaultDataDir());
  const url = parseServer(text, from);
  if (!isPrivate(url)) note(exposedToken(url));
  return { url, from, token: readToken(tokenFile), tokenFile };
}

/** Whether nobody on the way can read what is sent: TLS, or this machine. */
function isPrivate({ protocol, hostname }: URL): boolean {
  const name = hostname.replace(/^\[|\]$/g, "");
  const ours = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === name));
  const loopback =
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "::1" ||
    (isIPv4(name) && name.startsWith("127."));
  return protocol === "https:" || loopback || ours;
}

function exposedToken({ origin }: URL): string {
  return (
    `warning: the operator's token goes to \`${origin}\` unencrypted: anybody on the way can read it and take over the policy; ` +
    "put a TLS proxy before the controller (--public-url) and use its https address, or an SSH tunnel to 127.0.0.1"
  );
}

function findAddress(options: ServerOptions): { text: string; from: string } {
  if (options.server !== undefined) return { text: options.server, from: "--server" };
  const environment = process.env["RINGWALL_SERVER"];
  if (environment !== undefined && environment !== "") return { text: environment, from: "RINGWALL_SERVER" };
  const file = addressFile(defaultDataDir());
  const text = readIfThere(file)?.trim();
  return text === undefined || text === ""
    ? { text: SERVER_DEFAULT, from: "the default" }
    : { text, from: file };
}

function parseServer(text: string, from: string): URL {
  const url = URL.parse(text);
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw failure(
    "bad-server",
    `\`${text}\` (from ${from}) is not the address of a controller`,
    `write it as \`${SERVER_DEFAULT}\``,
  );
}

function readToken(file: string): string {
  const fix =
    "run this on the controller's machine as the user that runs it, or name a file with `--token-file` or RINGWALL_TOKEN_FILE; " +
    "where no controller runs yet: `ringwall up`";
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === "ENOENT"
        ? "there is no such file"
        : code === "EACCES"
          ? "not readable for this user"
          : String(code);
    throw failure("no-operator-token", `cannot read the operator's token at \`${file}\`: ${why}`, fix);
  }
  if (!/^[\x21-\x7e]{1,4096}$/.test(text))
    throw failure("bad-operator-token", `\`${file}\` holds no operator's token`, fix);
  return text;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
