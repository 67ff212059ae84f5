import path from "node:path";
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
  readonly services: readonly Service[];
};

/** Starts every server of the lab, in the order in which they need each other. */
export async function startApplications(lab: Lab): Promise<Applications> {
  const [database, collector, outside, ssh] = await Promise.all([
    startDatabase(lab.host("db")),
    startCollector(lab),
    startOutside(lab),
    startSshServers(lab),
  ]);
  const api = await startApi(lab, database.crmPassword);
  const web = await startWeb(lab);
  return { database, collector, services: [database.service, collector, outside, ...ssh, api, web] };
}

async function startCollector(lab: Lab): Promise<Service> {
  const backup = lab.host("backup");
  backup.copyIn(path.join(programs, "collector.py"), "/srv/metrics/collector.py");
  const argv = [PYTHON, "/srv/metrics/collector.py"];
  return startReady(backup, { unit: "collector.service", user: "daemon", argv }, saysReady);
}

async function startOutside(lab: Lab): Promise<Service> {
  const internet = lab.host("internet");
  internet.copyIn(path.join(programs, "outside.py"), "/srv/outside.py");
  return startReady(internet, { unit: "outside.service", argv: [PYTHON, "/srv/outside.py"] }, saysReady);
}

async function startApi(lab: Lab, password: string): Promise<Service> {
  const app = lab.host("app");
  await app.must(["install", "-d", "-o", "www-data", "/srv/crm"]);
  app.copyIn(path.join(programs, "api.py"), API_SCRIPT);
  app.writeFile("/srv/crm/db-password", password);
  return startReady(app, apiProgram(["/usr/bin/python3", API_SCRIPT]), saysReady);
}

export const API_SCRIPT = "/srv/crm/api.py";

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
