import { ControllerStartError } from "./start-error.ts";

/** What may stand before `//`, what to give instead, and where a password goes: anybody can read arguments. */
const SERVERS = {
  "--database-url": {
    protocols: ["postgres:", "postgresql:"],
    example: "postgres://user@host:5432/name",
    variable: "RINGWALL_DATABASE_URL",
  },
  "--clickhouse-url": {
    protocols: ["http:", "https:"],
    example: "https://user@host:8443/name",
    variable: "RINGWALL_CLICKHOUSE_URL",
  },
} as const;

/** Reads the URL of a server of people's own. What is none is not repeated in the message: it may hold a password. */
export function parseServerUrl(option: keyof typeof SERVERS, text: string): URL {
  const { protocols, example, variable } = SERVERS[option];
  // PostgreSQL's URLs may leave out the host, and name a socket's folder as `?host=`.
  const url = URL.parse(text.replace(/@(?=\/)/, "@localhost"));
  if (url !== null && text.startsWith(`${url.protocol}//`) && protocols.some((one) => one === url.protocol))
    return url;
  throw new ControllerStartError(
    "bad-url",
    `what \`${option}\` or ${variable} gives is not a URL such as \`${example}\``,
    `write it like that, and put it into ${variable} if it has a password`,
  );
}

/** The server as messages name it: without user and password, wherever in the URL they stand. */
export function placeOf(url: URL): string {
  return `${url.searchParams.get("host") ?? url.host}${url.pathname}`;
}
