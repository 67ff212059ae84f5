import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createRingwallClient } from "@ringwall/protocol/client";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ControllerOptions } from "../options.ts";
import { startController } from "../start.ts";
import { ControllerStartError } from "../start-error.ts";
import { startCluster } from "../store/state/postgres/cluster.ts";
import { processesOf } from "../testing/processes.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), "ringwall-start-"));
  chmodSync(dataDir, 0o711);
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const quiet = {
  listen: "127.0.0.1:0",
  listenAgents: "127.0.0.1:0",
  logTo: process.stderr,
  logLevel: "silent",
} as const;

async function refusalOf(options: Partial<ControllerOptions>): Promise<ControllerStartError> {
  try {
    const controller = await startController({ dataDir, ...quiet, ...options });
    await controller.close();
  } catch (error) {
    if (error instanceof ControllerStartError) return error;
    throw error;
  }
  throw new Error("it started");
}

async function spawnController(): Promise<{
  child: ChildProcess;
  usersUrl: string;
  operatorTokenFile: string;
}> {
  const script = fileURLToPath(new URL("../testing/run-controller.ts", import.meta.url));
  const child = spawn(process.execPath, [script, dataDir], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await new Promise<string[]>((resolve) =>
    createInterface({ input: child.stdout }).once("line", (text) => resolve([text])),
  );
  return { child, ...(JSON.parse(line ?? "{}") as { usersUrl: string; operatorTokenFile: string }) };
}

const ended = (child: ChildProcess) => new Promise<void>((resolve) => child.once("exit", () => resolve()));

describe("a start that can't be", () => {
  for (const option of ["listen", "listenAgents"] as const) {
    it(`names the port in use and the remedy (${option}), and leaves nothing running`, async () => {
      const holder = createServer();
      const port = await new Promise<number>((resolve) =>
        holder.listen(0, "127.0.0.1", () => resolve((holder.address() as { port: number }).port)),
      );
      const refused = await refusalOf({ [option]: `127.0.0.1:${port}` });
      holder.close();
      expect(refused.code).toBe("port-in-use");
      expect(refused.message).toContain(`127.0.0.1:${port}`);
      expect(refused.fix).toContain(option === "listen" ? "--listen" : "--listen-agents");
      await expect.poll(() => processesOf(dataDir)).toEqual([]);
    });
  }

  it("names a data folder that is a file", async () => {
    const file = path.join(dataDir, "file");
    writeFileSync(file, "");
    const refused = await refusalOf({ dataDir: file });
    expect([refused.code, refused.message]).toEqual(["data-dir-unusable", expect.stringContaining(file)]);
  });

  it("names a data folder of a newer version", async () => {
    writeFileSync(path.join(dataDir, "ringwall.json"), '{"format":99}');
    expect((await refusalOf({})).code).toBe("data-dir-newer");
  });

  it("names a listening address that is none", async () => {
    for (const listen of ["7480", "localhost", "example.com:80", "127.0.0.1:99999", ""]) {
      expect((await refusalOf({ listen })).code).toBe("bad-listen-address");
    }
    expect((await refusalOf({ listen: "192.0.2.1:1" })).code).toBe("address-not-here");
  });

  it("names a management list or a resolver that would let nobody in", async () => {
    const listed = (cidr: string, port: string) => ({ management: [{ cidrs: [cidr], ports: [port] }] });
    const refused = await refusalOf(listed("10.0.0.1/8", "tcp/22"));
    expect(refused.code).toBe("bad-essential");
    expect(`${refused.message} ${refused.fix}`).toMatch(/`--management`: `10\.0\.0\.1\/8`.*`10\.0\.0\.0\/8`/);
    for (const options of [
      listed("10.0.0.0/8", "tcp/99999"),
      listed("office", "tcp/22"),
      { resolvers: ["dns.example.com"] },
    ]) {
      expect((await refusalOf(options)).code).toBe("bad-essential");
    }
  });

  it("names an unreachable database without its password", async () => {
    const refused = await refusalOf({ databaseUrl: "postgres://me:secret@127.0.0.1:1/ringwall" });
    expect(refused.code).toBe("database-unreachable");
    expect(refused.message).toContain("127.0.0.1:1");
    expect(`${refused.message} ${refused.fix}`).not.toContain("secret");
  });

  it("refuses a database's address that is no URL in one line, without what stands in it, and makes nothing", async () => {
    for (const text of [
      "x",
      "",
      "postgres:me:secret@h/d",
      "postgres://me:secret@h:99999/d",
      "mysql://me:secret@h/d",
    ])
      for (const option of ["databaseUrl", "clickhouseUrl"] as const) {
        const { code, message, fix } = await refusalOf({ [option]: text });
        expect([text, code, `${message}; ${fix}`]).toEqual([
          text,
          "bad-url",
          expect.stringMatching(/^(?!.*(?:secret|Invalid URL)).*`(?:postgres|https):\/\/user@host.*$/),
        ]);
      }
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it("names an unreachable database without a password that holds an @, or stands in the query", async () => {
    for (const url of [
      "postgres://me:se@cret@127.0.0.1:1/d",
      "postgres://127.0.0.1:1/d?user=me&password=secret",
    ]) {
      const refused = await refusalOf({ databaseUrl: url });
      expect([refused.code, refused.message]).toEqual([
        "database-unreachable",
        "the PostgreSQL database at `127.0.0.1:1/d` can't be reached: connect ECONNREFUSED 127.0.0.1:1",
      ]);
    }
  });

  it("names a flow store that can't be opened, and does not go on trying", async () => {
    writeFileSync(path.join(dataDir, "flows"), "in the way");
    expect((await refusalOf({})).code).toBe("flow-store-start");
    await expect.poll(() => processesOf(dataDir)).toEqual([]);
  });

  it("names an unreachable ClickHouse server, and ends what was started before it", async () => {
    const refused = await refusalOf({ clickhouseUrl: "http://127.0.0.1:1" });
    expect(refused.code).toBe("clickhouse-unreachable");
    await expect.poll(() => processesOf(dataDir)).toEqual([]);
  });
});

describe("a running controller", () => {
  it("keeps a second one off its data folder, and off its database", async () => {
    const { child } = await spawnController();
    const refused = await refusalOf({});
    expect([refused.code, refused.message]).toEqual([
      "data-dir-in-use",
      expect.stringContaining(String(child.pid)),
    ]);
    const other = mkdtempSync(path.join(tmpdir(), "ringwall-start-"));
    const socketDir = path.join(dataDir, "postgresql/run");
    const url = `postgres://ringwall@/postgres?host=${encodeURIComponent(socketDir)}`;
    expect((await refusalOf({ dataDir: other, databaseUrl: url })).code).toBe("database-in-use");
    rmSync(other, { recursive: true, force: true });
    child.kill("SIGTERM");
    await ended(child);
  });

  it("ends with everything it started, and finds its data again", async () => {
    const first = await spawnController();
    const token = readFileSync(first.operatorTokenFile, "utf8").trim();
    const client = createRingwallClient({ baseUrl: first.usersUrl, token });
    await client.PUT("/api/v1/draft", { body: { files: [{ file: "a.yaml", text: "# mine\n" }] } });
    first.child.kill("SIGTERM");
    await ended(first.child);
    await expect.poll(() => processesOf(dataDir)).toEqual([]);

    const second = await startController({ dataDir, ...quiet });
    const again = createRingwallClient({ baseUrl: second.usersUrl, token });
    expect((await again.GET("/api/v1/draft")).data?.text).toContain("# mine");
    await second.close();
  });

  it("starts again after kill -9, with what it had stored, and its database's orphan is ended", async () => {
    const first = await spawnController();
    const token = readFileSync(first.operatorTokenFile, "utf8").trim();
    const client = createRingwallClient({ baseUrl: first.usersUrl, token });
    await client.PUT("/api/v1/draft", { body: { files: [{ file: "a.yaml", text: "# kept\n" }] } });
    const before = processesOf(dataDir).filter((pid) => pid !== first.child.pid);
    first.child.kill("SIGKILL");
    await ended(first.child);

    const second = await startController({ dataDir, ...quiet });
    expect(processesOf(dataDir).filter((pid) => before.includes(pid))).toEqual([]);
    const again = createRingwallClient({ baseUrl: second.usersUrl, token });
    expect((await again.GET("/api/v1/draft")).data?.text).toContain("# kept");
    await second.close();
    await expect.poll(() => processesOf(dataDir)).toEqual([]);
  });

  it("starts its PostgreSQL again when that dies", async () => {
    const controller = await startController({ dataDir, ...quiet });
    const token = readFileSync(controller.operatorTokenFile, "utf8").trim();
    const client = createRingwallClient({ baseUrl: controller.usersUrl, token });
    const pid = Number(
      readFileSync(path.join(dataDir, "postgresql/data/postmaster.pid"), "utf8").split("\n")[0],
    );
    // Some connections are in use when it dies.
    const asked = Array.from({ length: 40 }, () => client.GET("/api/v1/segments"));
    process.kill(pid, "SIGKILL");
    await Promise.allSettled(asked);
    await expect
      .poll(async () => (await client.GET("/api/v1/draft")).response.status, {
        timeout: 30_000,
        interval: 200,
      })
      .toBe(200);
    await controller.close();
  });

  it("works with a PostgreSQL given by URL", async () => {
    const elsewhere = mkdtempSync(path.join(tmpdir(), "ringwall-pg-"));
    chmodSync(elsewhere, 0o711);
    const cluster = await startCluster(elsewhere, () => undefined);
    const databaseUrl = `postgres://ringwall@/postgres?host=${encodeURIComponent(cluster.socketDir)}`;
    const controller = await startController({ dataDir, ...quiet, databaseUrl });
    expect(readdirSync(dataDir)).not.toContain("postgresql");
    await controller.close();
    // Another data folder has another authority, and so no business with this database.
    const other = mkdtempSync(path.join(tmpdir(), "ringwall-start-"));
    expect((await refusalOf({ dataDir: other, databaseUrl })).code).toBe("wrong-authority");
    await cluster.stop();
    rmSync(elsewhere, { recursive: true, force: true });
    rmSync(other, { recursive: true, force: true });
  });

  it("ends, with the reason, where another takes its database once the session that holds it is gone", async () => {
    const controller = await startController({ dataDir, ...quiet });
    const other = new pg.Client({
      host: path.join(dataDir, "postgresql/run"),
      user: "ringwall",
      database: "postgres",
    });
    other.on("error", () => undefined);
    await other.connect();
    await other.query(
      "SELECT pg_terminate_backend(pid), pg_advisory_lock(objid::int8) FROM pg_locks WHERE locktype = 'advisory'",
    );
    expect((await controller.lost).code).toBe("database-taken");
    await expect(fetch(controller.usersUrl)).rejects.toThrow();
    await expect.poll(() => processesOf(dataDir)).toEqual([]);
  });
});
