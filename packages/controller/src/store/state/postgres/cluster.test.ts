import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findBinaries } from "./binaries.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { databaseUser } from "./system-user.ts";

const DEBIAN_MAJORS = ["15", "16", "17"].filter((major) =>
  existsSync(`/usr/lib/postgresql/${major}/bin/initdb`),
);
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "ringwall-cluster-"));
  chmodSync(dir, 0o711);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function ask(cluster: Cluster, sql: string): Promise<unknown> {
  const client = new pg.Client({ host: cluster.socketDir, user: cluster.user, database: cluster.database });
  await client.connect();
  const { rows } = await client.query<{ answer: unknown }>(sql);
  await client.end();
  return rows[0]?.answer;
}

describe("the private PostgreSQL", () => {
  it("listens on its socket only, and syncs what it commits", async () => {
    const cluster = await startCluster(dir, () => undefined);
    try {
      expect(await ask(cluster, "SELECT current_setting('listen_addresses') AS answer")).toBe("");
      expect(await ask(cluster, "SELECT current_setting('fsync') AS answer")).toBe("on");
      expect(await ask(cluster, "SELECT current_setting('server_version_num')::int / 10000 AS answer")).toBe(
        18,
      );
    } finally {
      await cluster.stop();
    }
  });

  it("starts after a crash that left its lock file behind", async () => {
    const first = await startCluster(dir, () => undefined);
    const lock = readFileSync(path.join(dir, "data/postmaster.pid"));
    await first.stop();
    writeFileSync(path.join(dir, "data/postmaster.pid"), lock);
    const second = await startCluster(dir, () => undefined);
    expect(await ask(second, "SELECT 1 AS answer")).toBe(1);
    await second.stop();
  });

  it("starts over a folder whose first set-up was interrupted", async () => {
    mkdirSync(path.join(dir, "data.partial"), { recursive: true });
    const cluster = await startCluster(dir, () => undefined);
    expect(await ask(cluster, "SELECT 1 AS answer")).toBe(1);
    await cluster.stop();
  });

  it("uses a socket elsewhere where the folder's path is too long for one", async () => {
    const deep = path.join(dir, "a-very-long-name-of-a-folder-for-data".repeat(3));
    mkdirSync(deep, { mode: 0o711 });
    const cluster = await startCluster(deep, () => undefined);
    expect(cluster.socketDir.startsWith(deep)).toBe(false);
    expect(await ask(cluster, "SELECT 1 AS answer")).toBe(1);
    await cluster.stop();
    expect(existsSync(cluster.socketDir)).toBe(false);
  });

  it("finds programs that the database's own user can run", async () => {
    const user = await databaseUser();
    const found = await findBinaries(user, path.join(dir, "programs"), 18);
    expect(found.major).toBe(18);
  });

  it.skipIf(DEBIAN_MAJORS.length === 0)(
    "keeps to the version that wrote its data: Debian's (skipped where no Debian PostgreSQL is installed)",
    async () => {
      const major = Number(DEBIAN_MAJORS[0]);
      const user = await databaseUser();
      const found = await findBinaries(user, path.join(dir, "programs"), major);
      expect(found).toEqual({ dir: `/usr/lib/postgresql/${major}/bin`, major });
      const refused = findBinaries(user, path.join(dir, "programs"), 9);
      await expect(refused).rejects.toMatchObject({
        code: "no-postgresql",
        fix: expect.stringContaining("postgresql-9"),
      });
      execFileSync(`${found.dir}/postgres`, ["--version"]);
    },
    60_000,
  );
});
