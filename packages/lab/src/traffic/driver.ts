import path from "node:path";
import { postgresBin } from "../apps/database.ts";
import { administer, administered } from "../apps/ssh.ts";
import type { Lab } from "../hosts/lab.ts";
import type { Service } from "../hosts/process.ts";
import { onThisMachine, slownessEnvironment } from "../slowness.ts";
import type { ClientAnswer } from "./client-program.ts";
import { Counter, type Counts, type Loss, total, underWay } from "./counts.ts";
import { Loops } from "./loop.ts";

/** All normal use of the lab at one moment when nothing was under way. */
export type Traffic = {
  readonly counts: Counts;
  readonly losses: readonly Loss[];
  readonly sent: number;
  readonly failed: number;
};

const ANSWER_MS_MAX = 60_000;
const BACKUP_MS_MAX = 30_000;

/** Normal use: people from the client, backups and operators. It can be paused so that counts are exact. */
export class NormalUse {
  readonly #client: Service;
  readonly #counter = new Counter();
  readonly #loops: Loops;
  #waiting: ((answer: ClientAnswer) => void) | null = null;

  constructor(lab: Lab, dumpPassword: string) {
    const program = path.join(import.meta.dirname, "client-program.ts");
    this.#client = lab.host("client").start({
      unit: "people.service",
      argv: [process.execPath, program],
      environment: slownessEnvironment,
    });
    this.#client.onLine((line) => {
      if (line.startsWith('{"answer"')) this.#waiting?.(JSON.parse(line) as ClientAnswer);
    });
    lab.host("backup").writeFile("/srv/backup/pgpass", `*:5432:crm:dump:${dumpPassword}\n`, 0o600);
    this.#loops = new Loops(this.#counter, [
      { kind: "backup, pg_dump over IPv6", gapMs: 3000, request: () => backUp(lab) },
      { kind: "operator, ssh from the jump host", gapMs: 1500, request: (serial) => operate(lab, serial) },
    ]);
  }

  async pause(): Promise<Traffic> {
    const [answer] = await Promise.all([this.#command("pause"), this.#loops.pause()]);
    return this.#sum(answer);
  }

  async resume(): Promise<void> {
    this.#loops.resume();
    await this.#command("resume");
  }

  async stop(): Promise<Traffic> {
    const [answer] = await Promise.all([this.#command("stop"), this.#loops.stop()]);
    return this.#sum(answer);
  }

  #command(command: string): Promise<ClientAnswer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the client does not answer: ${this.#client.tail()}`)),
        onThisMachine(ANSWER_MS_MAX),
      );
      this.#waiting = (answer) => {
        clearTimeout(timer);
        resolve(answer);
      };
      this.#client.send(command);
    });
  }

  #sum(answer: ClientAnswer): Traffic {
    const counts = { ...answer.counts, ...this.#counter.counts };
    if (underWay(counts) !== 0) throw new Error("a request has neither succeeded nor failed");
    const { sent, failed } = total(counts);
    return { counts, losses: [...answer.losses, ...this.#counter.losses], sent, failed };
  }
}

async function backUp(lab: Lab): Promise<void> {
  const backup = lab.host("backup");
  const argv = [`${postgresBin()}/pg_dump`, "-w", "-h", "db6", "-U", "dump", "crm"];
  const environment = { PGPASSFILE: "/srv/backup/pgpass" };
  const ended = await backup.run({ unit: "pg-backup.service", argv, environment }, BACKUP_MS_MAX);
  if (ended.code !== 0) throw new Error(ended.timedOut ? "pg_dump takes too long" : ended.stderr.trim());
  if (!ended.stdout.includes("PostgreSQL database dump complete"))
    throw new Error("the dump is not complete");
}

async function operate(lab: Lab, serial: number): Promise<void> {
  const name = administered[serial % administered.length] ?? "web";
  const ended = await administer(lab, name, serial % 2 === 0 ? 4 : 6);
  if (ended.stdout.trim() !== name) {
    throw new Error(`ssh to ${name}: ${ended.timedOut ? "no answer" : ended.stderr.trim() || ended.code}`);
  }
}
