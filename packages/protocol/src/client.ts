import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./generated/api.d.ts";

/** Schemas of the users' API by name: `Schemas["StatusView"]`. */
export type Schemas = components["schemas"];
export type RingwallClient = Client<paths>;

export type RingwallClientOptions = {
  /** `http://127.0.0.1:7480`; the console leaves it out, being served by the controller itself. */
  readonly baseUrl?: string;
  /** Bearer token of the command line; the console has a session cookie instead. */
  readonly token?: string;
};

/**
 * Client of the users' API, typed by the generated OpenAPI types. Every call gives `{ data }` or `{ error }`, the error
 * being RFC 9457 problem details; it throws only where no answer came at all.
 * @example const { data, error } = await createRingwallClient({ baseUrl, token }).GET("/api/v1/status");
 */
export function createRingwallClient(options: RingwallClientOptions = {}): RingwallClient {
  return createClient<paths>({
    ...(options.baseUrl === undefined ? {} : { baseUrl: options.baseUrl }),
    ...(options.token === undefined ? {} : { headers: { authorization: `Bearer ${options.token}` } }),
  });
}
