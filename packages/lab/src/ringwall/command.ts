import path from "node:path";
import type { LabHost, Program } from "../hosts/host.ts";
import type { Ended, Service } from "../hosts/process.ts";

const BIN = path.resolve(import.meta.dirname, "../../../../bin/ringwall");
/** Where the controller of the lab keeps its data, on its host's own tmpfs. */
export const CONTROLLER_DATA = "/srv/ringwall";
const COMMAND_MS_MAX = 90_000;
/** Of the controller's log, where a command fails that must not. */
const LOG_LINES = 5;

/** `bin/ringwall` as a person would type it. */
export function ringwall(unit: string, args: readonly string[]): Program {
  return { unit, argv: [BIN, ...args], environment: { RINGWALL_DATA: CONTROLLER_DATA, NO_COLOR: "1" } };
}

/** What an operator at the controller's machine types. */
export class Operator {
  readonly #host: LabHost;
  readonly #controller: Service;

  constructor(host: LabHost, controller: Service) {
    this.#host = host;
    this.#controller = controller;
  }

  /** Runs a command to its end, whatever comes of it. */
  try(...args: string[]): Promise<Ended> {
    return this.#host.run(ringwall("operator.service", args), COMMAND_MS_MAX);
  }

  /** Runs a command that has to succeed and returns what it printed. */
  async type(...args: string[]): Promise<string> {
    const ended = await this.try(...args);
    if (ended.code !== 0) {
      const why = ended.timedOut ? "takes too long" : `ended with ${ended.code}`;
      const said = `${ended.stderr}\n${ended.stdout}`.trim();
      throw new Error(
        `\`ringwall ${args.join(" ")}\` ${why}: ${said}\n── the controller's log\n${this.#controller.tail(LOG_LINES)}`,
      );
    }
    return ended.stdout;
  }

  /** The objects that a command with `--json` prints, each held against its schema. */
  async ask<T>(schema: { parse: (value: unknown) => T }, ...args: string[]): Promise<T[]> {
    const text = await this.type(...args, "--json");
    return text
      .split("\n")
      .filter(Boolean)
      .map((line) => schema.parse(JSON.parse(line)));
  }
}
