import { ControllerStartError } from "./start-error.ts";

/** Where people reach the users' API through a reverse proxy that speaks TLS. */
export type PublicUrl = {
  /** `https://HOST[:PORT]`, as browsers send it in `Origin`. */
  readonly origin: string;
  /** Lower case, without the port, IPv6 without brackets. */
  readonly hostname: string;
};

/**
 * Reads `--public-url`. Only https: over plain http anybody on the way could take the session. No path: the console's files
 * and the API's routes lie at the root.
 */
export function parsePublicUrl(text: string | undefined): PublicUrl | null {
  if (text === undefined) return null;
  const url = URL.parse(text);
  const bare =
    url !== null &&
    url.protocol === "https:" &&
    url.username === "" &&
    url.password === "" &&
    url.pathname === "/" &&
    url.search === "" &&
    url.hash === "";
  if (bare) return { origin: url.origin, hostname: url.hostname.replace(/^\[|\]$/g, "") };
  throw new ControllerStartError(
    "bad-public-url",
    `\`${url === null ? text : withoutSecrets(url)}\` is not where browsers could reach the console through a proxy`,
    "give --public-url a URL such as `https://ringwall.example.com`: https, and nothing after the host and its port",
  );
}

function withoutSecrets(url: URL): string {
  return url.password === "" && url.username === "" ? url.href : `${url.protocol}//…@${url.host}`;
}
