/** Ports that products and frameworks bring along: sharing one says little about being the same service. */
const DEFAULT_PORTS: ReadonlySet<number> = new Set([
  22, 25, 53, 80, 110, 123, 143, 389, 443, 445, 465, 514, 587, 636, 993, 1433, 1521, 2181, 2379, 3000, 3306,
  3389, 4000, 4317, 5000, 5044, 5432, 5671, 5672, 5601, 6379, 6443, 8000, 8001, 8008, 8080, 8081, 8086, 8088,
  8443, 8500, 8888, 9000, 9042, 9090, 9092, 9093, 9100, 9200, 9300, 10250, 11211, 15672, 27017, 50051,
]);

/** What machines and not applications need: names, time, logs, metrics, inventory. Mostly all of a fleet's hosts do. */
const PLATFORM_PORTS: ReadonlySet<number> = new Set([
  53, 123, 161, 162, 323, 514, 853, 5666, 6514, 8125, 9100, 10050, 10051,
]);

export function isPlatformPort(port: number): boolean {
  return PLATFORM_PORTS.has(port);
}

export function isDefaultPort(port: number): boolean {
  return DEFAULT_PORTS.has(port);
}
