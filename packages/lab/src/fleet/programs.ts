import type { FlowEnd } from "@ringwall/model";
import type { AppService } from "./app-graph.ts";
import type { Random } from "./random.ts";

/** What the records say of a program. */
export type Program = Pick<FlowEnd, "exe" | "exeSha256" | "script" | "scriptSha256" | "package" | "evidence">;

/** Package and path of what the application's own code runs in, and of the products it uses. */
const PRODUCTS: Readonly<Record<string, readonly [name: string, path: string]>> = {
  java: ["openjdk-17-jre-headless", "/usr/lib/jvm/java-17-openjdk-amd64/bin/java"],
  zookeeper: ["openjdk-17-jre-headless", "/usr/lib/jvm/java-17-openjdk-amd64/bin/java"],
  kafka: ["openjdk-17-jre-headless", "/usr/lib/jvm/java-17-openjdk-amd64/bin/java"],
  logstash: ["logstash", "/usr/share/logstash/jdk/bin/java"],
  rabbitmq: ["erlang-base", "/usr/lib/erlang/erts-13.1.5/bin/beam.smp"],
  postgresql: ["postgresql-15", "/usr/lib/postgresql/15/bin/postgres"],
  mongodb: ["mongodb-org-server", "/usr/bin/mongod"],
  mysql: ["mariadb-server-core", "/usr/sbin/mariadbd"],
  redis: ["redis-server", "/usr/bin/redis-check-rdb"],
  nginx: ["nginx", "/usr/sbin/nginx"],
  apache2: ["apache2-bin", "/usr/sbin/apache2"],
  resolver: ["systemd-resolved", "/usr/lib/systemd/systemd-resolved"],
  unbound: ["unbound", "/usr/sbin/unbound"],
  chrony: ["chrony", "/usr/sbin/chronyd"],
  exporter: ["prometheus-node-exporter", "/usr/bin/prometheus-node-exporter"],
  prometheus: ["prometheus", "/usr/bin/prometheus"],
  haproxy: ["haproxy", "/usr/sbin/haproxy"],
  python: ["python3.11-minimal", "/usr/bin/python3.11"],
};

/** Programs by product, each with one digest for the whole fleet until it is upgraded. */
export type Catalogue = {
  readonly of: (product: string) => Program;
  readonly upgraded: (program: Program) => Program;
};

export function catalogue(rng: Random): Catalogue {
  const made = new Map<string, Program>();
  const of = (product: string): Program => {
    const known = made.get(product);
    if (known !== undefined) return known;
    const program = madeFor(product, rng);
    made.set(product, program);
    return program;
  };
  const upgraded = (program: Program): Program => ({ ...program, exeSha256: rng.hex(64) });
  return { of, upgraded };
}

function madeFor(product: string, rng: Random): Program {
  const installed = PRODUCTS[product];
  if (installed !== undefined) {
    return { exe: installed[1], exeSha256: rng.hex(64), package: installed[0], evidence: "deb-repo" };
  }
  // The application's own binary, as container images carry it: no package speaks for it.
  return { exe: `/opt/${product.replace(/^own:/, "")}/server`, exeSha256: rng.hex(64) };
}

/** A script of the interpreter. */
export function script(interpreter: Program, path: string, rng: Random): Program {
  return { ...interpreter, script: path, scriptSha256: rng.hex(64) };
}

export function productOf(service: AppService): string {
  return service.product === "" ? "java" : service.product;
}

/** What attackers run that was not there before. */
export function foreignTool(rng: Random): Program {
  const tools: readonly Program[] = [
    { exe: `/tmp/.${rng.hex(6)}/${rng.hex(4)}`, exeSha256: rng.hex(64) },
    { exe: `/dev/shm/${rng.hex(5)}`, exeSha256: rng.hex(64) },
    {
      exe: "/usr/bin/nc.openbsd",
      exeSha256: "5".repeat(64),
      package: "netcat-openbsd",
      evidence: "deb-repo",
    },
    { exe: "/usr/bin/bash", exeSha256: "6".repeat(64), package: "bash", evidence: "deb-repo" },
    { exe: "/usr/bin/curl", exeSha256: "7".repeat(64), package: "curl", evidence: "deb-repo" },
    { exe: `/usr/local/bin/${rng.hex(6)}`, exeSha256: rng.hex(64) },
    { exe: `/home/deploy/${rng.hex(4)}`, exeSha256: rng.hex(64) },
  ];
  return rng.pick(tools);
}
