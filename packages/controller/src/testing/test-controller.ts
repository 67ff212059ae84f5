import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createRingwallClient, type RingwallClient } from "@ringwall/protocol/client";
import pg from "pg";
import type { Controller, ControllerOptions } from "../options.ts";
import { startController } from "../start.ts";
import { enrollAgent } from "./test-agent.ts";

/** A real controller with its real stores in a folder of its own. */
export type TestController = Controller & {
  readonly dataDir: string;
  readonly client: RingwallClient;
  readonly operatorToken: string;
  /** Ends it and starts another on the same folder and ports. */
  restart(options?: Partial<ControllerOptions>): Promise<TestController>;
  remove(): Promise<void>;
};

export async function startTestController(options: Partial<ControllerOptions> = {}): Promise<TestController> {
  const dataDir = options.dataDir ?? mkdtempSync(path.join(tmpdir(), "ringwall-controller-"));
  chmodSync(dataDir, 0o711);
  const controller = await startController({
    dataDir,
    listen: "127.0.0.1:0",
    listenAgents: "127.0.0.1:0",
    logTo: process.stderr,
    logLevel: "silent",
    management: [{ cidrs: ["192.0.2.0/24"], ports: ["tcp/22"] }],
    resolvers: ["192.0.2.53"],
    consoleDir: "/nonexistent",
    ...options,
  });
  const operatorToken = readFileSync(controller.operatorTokenFile, "utf8").trim();
  return {
    ...controller,
    dataDir,
    operatorToken,
    client: createRingwallClient({ baseUrl: controller.usersUrl, token: operatorToken }),
    async restart(more = {}) {
      await controller.close();
      const listenAgents = new URL(controller.agentsUrl).host;
      return startTestController({ ...options, dataDir, listenAgents, ...more });
    },
    async remove() {
      await controller.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Its own PostgreSQL, beside it. */
export async function connectDatabase({ dataDir }: Pick<TestController, "dataDir">): Promise<pg.Client> {
  const host = path.join(dataDir, "postgresql/run");
  const client = new pg.Client({ host, user: "ringwall", database: "postgres" });
  await client.connect();
  return client;
}

/** A token for agents; `workload` binds it to one name. */
export async function createTestToken(
  { client }: TestController,
  body: { workload?: string; labels?: Record<string, string>; ttlSeconds?: number; uses?: number } = {},
): Promise<string> {
  const { data, error } = await client.POST("/api/v1/enrollment-tokens", { body });
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data.token;
}

/** Enrols a host by that name, with a token of its own. */
export async function enrollHost(
  controller: TestController,
  workload: string,
  more?: Parameters<typeof enrollAgent>[3],
): ReturnType<typeof enrollAgent> {
  const token = await createTestToken(controller, { workload });
  return enrollAgent(controller.agentsUrl, token, workload, more);
}
