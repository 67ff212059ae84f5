import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import type { LabHost } from "../hosts/host.ts";
import type { Service } from "../hosts/process.ts";
import { startReady } from "./start.ts";

const DATA = "/srv/postgresql/data";
const SOCKETS = "/srv/postgresql/run";

export type Database = {
  readonly service: Service;
  readonly crmPassword: string;
  readonly dumpPassword: string;
};

/** Debian's PostgreSQL, newest version installed, on a data folder of its own, run as `postgres`. */
export async function startDatabase(db: LabHost): Promise<Database> {
  const bin = postgresBin();
  await db.must(["install", "-d", "-o", "postgres", "-g", "postgres", "-m", "700", DATA]);
  await db.must(["install", "-d", "-o", "postgres", "-g", "postgres", SOCKETS]);
  const setup = { unit: "setup.service", user: "postgres" };
  const init = [`${bin}/initdb`, "--no-sync", "--auth=peer", "--encoding=UTF8", "-D", DATA];
  await mustRun(db, { ...setup, argv: init });
  db.writeFile(`${DATA}/pg_hba.conf`, access);
  const argv = [
    `${bin}/postgres`,
    ...["-D", DATA, "-k", SOCKETS, "-c", "listen_addresses=*", "-c", "fsync=off", "-c", "max_connections=50"],
  ];
  const ask = { ...setup, argv: [`${bin}/pg_isready`, "-q", "-h", SOCKETS] };
  const service = await startReady(db, { unit: "postgresql.service", user: "postgres", argv }, async () => {
    return (await db.run(ask)).code === 0;
  });
  const crmPassword = randomBytes(12).toString("hex");
  const dumpPassword = randomBytes(12).toString("hex");
  await mustRun(db, { ...setup, argv: [`${bin}/createdb`, "-h", SOCKETS, "crm"] });
  db.copyIn(path.join(import.meta.dirname, "programs/schema.sql"), "/srv/postgresql/schema.sql");
  await mustRun(db, { ...setup, argv: [`${bin}/psql`, ...psqlFlags, "-f", "-"] }, [
    `\\set crm ${crmPassword}`,
    `\\set dump ${dumpPassword}`,
    "\\i /srv/postgresql/schema.sql",
  ]);
  return { service, crmPassword, dumpPassword };
}

/** What the database itself says was ordered: the other end of the traffic's count. */
export async function countOrders(db: LabHost): Promise<number> {
  const argv = [`${postgresBin()}/psql`, ...psqlFlags, "-Atc", "select count(*) from orders"];
  const ended = await db.run({ unit: "setup.service", user: "postgres", argv });
  if (ended.code !== 0) throw new Error(`the orders can't be counted: ${ended.stderr.trim()}`);
  return Number(ended.stdout.trim());
}

const psqlFlags = ["-q", "-v", "ON_ERROR_STOP=1", "-h", SOCKETS, "crm"];

const access = `
local all all peer
host all all 10.77.0.0/24 scram-sha-256
host all all fd77::/64 scram-sha-256
`;

/** Debian keeps each major version in a folder of its own. */
export function postgresBin(): string {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).filter((name) => /^\d+$/.test(name)) : [];
  const newest = versions.map(Number).sort((a, b) => b - a)[0];
  if (newest === undefined) throw new Error("PostgreSQL is not installed: run `make setup`");
  return `${root}/${newest}/bin`;
}

async function mustRun(
  db: LabHost,
  program: { readonly unit: string; readonly user: string; readonly argv: readonly string[] },
  input: readonly string[] = [],
): Promise<void> {
  const ended = await db.run(program, 60_000, input.map((line) => `${line}\n`).join(""));
  if (ended.code !== 0)
    throw new Error(`${program.argv[0]} ended with ${ended.code}: ${ended.stderr.trim()}`);
}
