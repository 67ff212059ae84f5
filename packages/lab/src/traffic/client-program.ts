// What people do with the application, from a machine without an agent. Runs inside the client host; takes `pause`,
// `resume` and `stop` on standard input, one a line, and answers each with a line of JSON.
import { createInterface } from "node:readline";
import { Counter, type Counts, type Loss } from "./counts.ts";
import { ask, keptConnection } from "./http.ts";
import { type Kind, Loops } from "./loop.ts";
import { followStream } from "./stream.ts";

export type ClientAnswer = {
  readonly answer: "paused" | "resumed" | "stopped";
  readonly counts: Counts;
  readonly losses: readonly Loss[];
};

const CUSTOMERS = 50;
const kept = keptConnection();

const kinds: readonly Kind[] = [
  { kind: "page, IPv4", gapMs: 250, request: () => page("http://web4/", 4) },
  { kind: "page, IPv6", gapMs: 250, request: () => page("http://web6/", 6) },
  { kind: "customers, kept connection", gapMs: 200, request: customers },
  { kind: "report, new database connection", gapMs: 300, request: report },
  { kind: "order, IPv6 all the way", gapMs: 300, request: order },
];

const counter = new Counter();
const loops = new Loops(counter, kinds);
const endStream = followStream(counter, "stream, one connection throughout", "http://web4/api/stream");

for await (const command of createInterface({ input: process.stdin })) {
  if (command === "pause") {
    await loops.pause();
    say("paused");
  } else if (command === "resume") {
    loops.resume();
    say("resumed");
  } else break;
}
await loops.stop();
endStream();
kept.destroy();
say("stopped");

function say(answer: ClientAnswer["answer"]): void {
  const line: ClientAnswer = { answer, counts: counter.counts, losses: counter.losses };
  console.log(JSON.stringify(line));
}

async function page(url: string, family: 4 | 6): Promise<void> {
  const text = await ask({ url, family });
  if (!text.includes("CRM")) throw new Error(`${url}: not the page`);
}

async function customers(): Promise<void> {
  const text = await ask({ url: "http://web4/api/customers", family: 4, agent: kept });
  const names = JSON.parse(text) as readonly string[];
  if (names.length !== CUSTOMERS) throw new Error(`${names.length} customers instead of ${CUSTOMERS}`);
}

async function report(): Promise<void> {
  const { orders } = JSON.parse(await ask({ url: "http://web4/api/report", family: 4 })) as {
    orders: number;
  };
  if (!Number.isInteger(orders)) throw new Error("the report has no number of orders");
}

async function order(serial: number): Promise<void> {
  const reference = `${process.pid}-${serial}`;
  const body = JSON.stringify({ reference });
  const text = await ask({ url: "http://web6/api/orders", family: 6, body });
  if ((JSON.parse(text) as { reference: string }).reference !== reference) throw new Error("not my order");
}
