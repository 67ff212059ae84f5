import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { explainListenError, formatHostPort, type ListenAddress, parseListen } from "./api/listen.ts";
import { buildUsersApp } from "./api/users/app.ts";
import { createSignIn } from "./api/users/sign-in.ts";
import { startControl } from "./control.ts";
import { takeDataDir } from "./data-dir.ts";
import { checkEssentialOptions } from "./essential-options.ts";
import { type Controller, type ControllerOptions, LISTEN_AGENTS_DEFAULT, LISTEN_DEFAULT } from "./options.ts";
import { parsePublicUrl } from "./public-url.ts";
import { parseServerUrl } from "./server-url.ts";
import type { ControllerStartError } from "./start-error.ts";
import { createStopper, type Stopper } from "./stopper.ts";
import { openStores } from "./stores.ts";

const CONSOLE_DIR = fileURLToPath(new URL("../../console/dist", import.meta.url));

/**
 * Starts the controller: stores, both APIs and jobs.
 *
 *   data folder ─► authority, operator token
 *   PostgreSQL ─► fleet ─┐
 *   chDB ─► flow store ──┼─► rollout ─► changes ─┬─► agents' services ─► agents' API (mTLS)
 *                  hub ──┘                       └─► users' services ──► users' API, console
 *
 * Throws `ControllerStartError` for what a person can put right; whatever had been started is ended again.
 */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const stopper = createStopper();
  try {
    return await start(options, stopper);
  } catch (error) {
    // Why it does not start matters more than what could not be ended in order.
    await stopper.stop().catch(() => undefined);
    throw error;
  }
}

async function start(options: ControllerOptions, stopper: Stopper): Promise<Controller> {
  const listen = parseListen(options.listen ?? LISTEN_DEFAULT, "--listen");
  const listenAgents = parseListen(options.listenAgents ?? LISTEN_AGENTS_DEFAULT, "--listen-agents");
  const publicUrl = parsePublicUrl(options.publicUrl);
  if (options.databaseUrl !== undefined) parseServerUrl("--database-url", options.databaseUrl);
  if (options.clickhouseUrl !== undefined) parseServerUrl("--clickhouse-url", options.clickhouseUrl);
  checkEssentialOptions(options);
  const log = pino({ level: options.logLevel ?? "info", base: null }, options.logTo);
  const data = takeDataDir(options.dataDir);
  stopper.add(async () => data.release());
  const taken = Promise.withResolvers<ControllerStartError>();
  const stores = await openStores(options, data, log, stopper, taken.resolve);
  let usersUrl = "";
  // What people open; the command line on this machine goes on speaking to the address that is listened on.
  const peoplesUrl = () => publicUrl?.origin ?? usersUrl;
  const control = await startControl({
    options,
    data,
    stores,
    log,
    stopper,
    listenAgents,
    usersUrl: peoplesUrl,
  });
  const app = await buildUsersApp({
    services: control.userServices,
    signIn: createSignIn(stores.db, data.operatorToken, peoplesUrl),
    publicUrl,
    consoleDir: options.consoleDir ?? CONSOLE_DIR,
    logger: log,
  });
  stopper.add(() => app.close());
  usersUrl = await listenForUsers(app, listen);
  log.info({ users: usersUrl, agents: control.agentsUrl }, "the controller is ready");
  return {
    usersUrl,
    agentsUrl: control.agentsUrl,
    operatorTokenFile: data.operatorTokenFile,
    lost: taken.promise.then(async (why) => {
      log.fatal({ code: why.code, fix: why.fix }, why.message);
      await stopper.stop().catch(() => undefined);
      return why;
    }),
    close: () => stopper.stop(),
  };
}

async function listenForUsers(
  app: Awaited<ReturnType<typeof buildUsersApp>>,
  listen: ListenAddress,
): Promise<string> {
  try {
    await app.listen({ host: listen.host, port: listen.port });
  } catch (error) {
    throw error instanceof Error ? explainListenError(error, listen, "--listen") : error;
  }
  const bound = app.server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : listen.port;
  // People open it on this machine; a wildcard is no address to open.
  const host = listen.host === "0.0.0.0" ? "127.0.0.1" : listen.host === "::" ? "::1" : listen.host;
  return `http://${formatHostPort(host, port)}`;
}
