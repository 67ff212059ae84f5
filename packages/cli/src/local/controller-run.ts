import { rmSync, writeFileSync } from "node:fs";
import {
  type Controller,
  type ControllerOptions,
  ControllerStartError,
  startController,
} from "@ringwall/controller";
import { failure } from "../failure.ts";
import { addressFile, defaultDataDir } from "../server/data-dir.ts";
import { stderrLines } from "./log-lines.ts";
import { aborted, endRequested, tellParent } from "./parent.ts";

export type Management = { readonly cidrs: readonly string[]; readonly ports: readonly string[] };
export type ControllerRunOptions = Pick<
  ControllerOptions,
  | "listen"
  | "publicUrl"
  | "listenAgents"
  | "advertiseAgents"
  | "databaseUrl"
  | "clickhouseUrl"
  | "retentionDays"
  | "logLevel"
> & {
  readonly data?: string;
  readonly management?: readonly Management[];
  readonly resolver?: readonly string[];
};

/** Runs the controller until it is asked to end. Throws Failure where it can't start, or go on. */
export async function runController(options: ControllerRunOptions): Promise<0> {
  const end = endRequested();
  const dataDir = options.data ?? defaultDataDir();
  const controller = await start({ ...options, dataDir });
  const { usersUrl, agentsUrl, operatorTokenFile } = controller;
  // Where the address can't be left the command line still finds the default one, or is told with --server.
  leaveAddress(dataDir, usersUrl);
  tellParent({ kind: "controller-ready", usersUrl, agentsUrl, operatorTokenFile });
  const lost = await Promise.race([aborted(end), controller.lost]);
  rmSync(addressFile(dataDir), { force: true });
  await controller.close();
  if (process.connected) process.disconnect();
  if (lost !== undefined) throw failure(lost.code, lost.message, lost.fix);
  return 0;
}

async function start(options: ControllerRunOptions & { readonly dataDir: string }): Promise<Controller> {
  const { dataDir, resolver, management, data: _, ...rest } = options;
  const databaseUrl = urlWithSecret("--database-url", options.databaseUrl, "RINGWALL_DATABASE_URL");
  const clickhouseUrl = urlWithSecret("--clickhouse-url", options.clickhouseUrl, "RINGWALL_CLICKHOUSE_URL");
  try {
    return await startController({
      ...rest,
      dataDir,
      logTo: stderrLines(Date.now),
      ...(resolver === undefined ? {} : { resolvers: resolver }),
      ...(management === undefined ? {} : { management }),
      ...(databaseUrl === undefined ? {} : { databaseUrl }),
      ...(clickhouseUrl === undefined ? {} : { clickhouseUrl }),
    });
  } catch (error) {
    if (!(error instanceof ControllerStartError)) throw error;
    const refused = failure(error.code, error.message, error.fix);
    tellParent({ kind: "failed", problems: refused.problems });
    throw refused;
  }
}

/** Anybody on the machine can read a command's arguments: a password may only come through the environment. */
function urlWithSecret(option: string, given: string | undefined, variable: string): string | undefined {
  if (given === undefined) return process.env[variable] || undefined;
  if (!/\/\/[^/?#]*:[^/?#]+@|[?&]password=/.test(given)) return given;
  throw failure(
    "secret-in-arguments",
    `\`${option}\` holds a password, which every user of this machine could read`,
    `put the URL into the environment variable ${variable}`,
  );
}

function leaveAddress(dataDir: string, usersUrl: string): void {
  try {
    writeFileSync(addressFile(dataDir), `${usersUrl}\n`);
  } catch {
    rmSync(addressFile(dataDir), { force: true });
  }
}
