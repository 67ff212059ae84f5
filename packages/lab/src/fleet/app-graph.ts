import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { parseInput } from "./parse-input.ts";

/** An application as a graph: who calls whom. */
export type AppGraph = {
  readonly name: string;
  readonly services: readonly AppService[];
  /** [caller, called], names of services. */
  readonly calls: readonly (readonly [string, string])[];
  /** Services that clients from outside call. */
  readonly entries: readonly string[];
};

export type AppService = {
  readonly name: string;
  readonly port: number;
  /** What kind of server it is, in lower case, such as `kafka`, `mongodb`; empty for the application's own code. */
  readonly product: string;
};

const port = z.int().min(1).max(65_535);

const microSecEnd = z.object({
  services: z.array(z.object({ name: z.string(), tagged_values: z.looseObject({ Port: port.optional() }) })),
  information_flows: z.array(z.object({ sender: z.string(), receiver: z.string() })),
});

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  zookeeper: 2181,
  kafka: 9092,
  rabbitmq: 5672,
  postgresql: 5432,
  mongodb: 27_017,
  mysql: 3306,
  logstash: 5044,
};

/** The application in a file, in one of the two formats; throws `BadArgument` for what is neither. */
export function loadApplication(file: string): AppGraph {
  const text = readFileSync(file, "utf8");
  const place = `\`${file}\``;
  return text.includes('"information_flows"')
    ? parseMicroSecEnd(path.basename(file, ".json"), text, place)
    : parseBoutique(text, place);
}

/** A graph of the microSecEnD collection; external entities become clients outside, or are left out. */
function parseMicroSecEnd(name: string, text: string, place: string): AppGraph {
  const graph = parseInput(microSecEnd, text, place);
  const known = new Set(graph.services.map((service) => service.name));
  const calls = graph.information_flows.filter((flow) => known.has(flow.sender) && known.has(flow.receiver));
  const entries = graph.information_flows.filter(
    (flow) => flow.sender === "user" && known.has(flow.receiver),
  );
  const services = graph.services.map((service) => {
    const product = productOf(service.name, service.tagged_values);
    const { Port: own } = service.tagged_values;
    return { name: service.name, product, port: own ?? DEFAULT_PORTS[product] ?? 8080 };
  });
  return {
    name,
    services,
    calls: distinctCalls(calls.map((flow) => [flow.sender, flow.receiver] as const)),
    entries: [...new Set(entries.map((flow) => flow.receiver))],
  };
}

function productOf(name: string, tags: Readonly<Record<string, unknown>>): string {
  for (const key of ["Database", "Message Broker", "Web Server", "Web Application"]) {
    const value = tags[key];
    if (typeof value === "string") return value.toLowerCase().replace("apache httpd", "apache2");
  }
  if (tags["Configuration Server"] === "ZooKeeper") return "zookeeper";
  return name.includes("logstash") ? "logstash" : "";
}

function distinctCalls(
  calls: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  return [...new Map(calls.filter(([a, b]) => a !== b).map((call) => [call.join("\t"), call])).values()];
}

const boutique = z.object({
  services: z.record(z.string(), z.object({ ports: z.array(z.tuple([z.string(), z.unknown(), port])) })),
  edges: z.array(z.object({ from: z.string(), to: z.string() })),
});

/** The online boutique's description: services with ports, and true edges. */
function parseBoutique(text: string, place: string): AppGraph {
  const graph = parseInput(boutique, text, place);
  const calls = graph.edges.map(({ from, to }) => [from, to] as const);
  const services = Object.entries(graph.services).map(([name, { ports }]) => ({
    name,
    port: ports[0]?.[2] ?? 8080,
    product: name.startsWith("redis") ? "redis" : `own:${name}`,
  }));
  return { name: "online-boutique", services, calls: distinctCalls(calls), entries: ["frontend"] };
}

/** All applications of a folder laid out as `../shared/data/applications`. */
export function loadApplications(folder: string): readonly AppGraph[] {
  const collection = path.join(folder, "microSecEnD");
  const files = readdirSync(collection).filter((file) => file.endsWith(".json"));
  return files.sort().map((file) => loadApplication(path.join(collection, file)));
}
