import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../hosts/lab.ts";
import type { Service } from "../hosts/process.ts";
import { type Database, startDatabase } from "./database.ts";
import { startSshServers } from "./ssh.ts";
import { saysReady, startReady } from "./start.ts";

const PYTHON = "/usr/bin/python3";
const programs = path.join(import.meta.dirname, "programs");

export type Applications = {
  readonly database: Database;
  readonly collector: Service;
  readonly api: Service;
};

/** Starts every server of the lab, in the order in which they need each other. */
export async function startApplications(lab: Lab): Promise<Applications> {
  await installApi(lab);
  const [database, collector] = await Promise.all([
    startDatabase(lab.host("db")),
    startCollector(lab),
    startOutside(lab),
    startSshServers(lab),
  ]);
  const started = await startApi(lab, database.crmPassword);
  await startWeb(lab);
  return { database, collector, api: started };
}

/**
 * Starts the API anew. A process whose script's file was written to after it had begun can't be identified by an agent
 * that comes later: nobody can tell any more what it runs.
 */
export async function restartApi(lab: Lab, applications: Applications): Promise<Applications> {
  await applications.api.stop("SIGTERM", STOP_MS_MAX);
  return { ...applications, api: await startReady(lab.host("app"), api, saysReady) };
}

const STOP_MS_MAX = 5000;
/** Many ticks of the clock by which files are dated. */
const OLDER_MS = 100;

async function startCollector(lab: Lab): Promise<Service> {
  const backup = lab.host("backup");
  backup.copyIn(path.join(programs, "collector.py"), "/srv/metrics/collector.py");
  // For the same reason as the API's script: written this very moment, nobody could vouch for it later.
  await sleep(OLDER_MS);
  const argv = [PYTHON, "/srv/metrics/collector.py"];
  return startReady(backup, { unit: "collector.service", user: "daemon", argv }, saysReady);
}

async function startOutside(lab: Lab): Promise<Service> {
  const internet = lab.host("internet");
  internet.copyIn(path.join(programs, "outside.py"), "/srv/outside.py");
  return startReady(internet, { unit: "outside.service", argv: [PYTHON, "/srv/outside.py"] }, saysReady);
}

/**
 * Long before it is started, as on real hosts: a script that was written within the same clock tick as its process began
 * could have been changed after, so that an agent that comes later would not vouch for it.
 */
async function installApi(lab: Lab): Promise<void> {
  const app = lab.host("app");
  await app.must(["install", "-d", "-o", "www-data", "/srv/crm"]);
  app.copyIn(path.join(programs, "api.py"), API_SCRIPT);
}

async function startApi(lab: Lab, password: string): Promise<Service> {
  lab.host("app").writeFile("/srv/crm/db-password", password);
  return startReady(lab.host("app"), api, saysReady);
}

export const API_SCRIPT = "/srv/crm/api.py";
const api = apiProgram([PYTHON, API_SCRIPT]);

/** The API's own unit and user: what an attacker has who gets in through it. */
export function apiProgram(argv: readonly string[]) {
  return { unit: "crm-api.service", user: "www-data", argv };
}

async function startWeb(lab: Lab): Promise<Service> {
  const web = lab.host("web");
  await web.must(["install", "-d", "/srv/web/tmp", "/srv/web/html"]);
  web.copyIn(path.join(programs, "nginx.conf"), "/srv/web/nginx.conf");
  web.writeFile("/srv/web/html/index.html", "<h1>CRM</h1>\n");
  const argv = ["/usr/sbin/nginx", "-e", "stderr", "-p", "/srv/web", "-c", "/srv/web/nginx.conf"];
  const probe = { unit: "setup.service", argv: ["curl", "-sf", "-o", "/dev/null", "http://127.0.0.1/"] };
  return startReady(web, { unit: WEB_UNIT, argv }, async () => (await web.run(probe)).code === 0);
}

export const WEB_UNIT = "nginx.service";
