/** The lab's hosts and addresses, as data: a three-tier application, its helpers, and two machines that carry no agent. */

export type HostName = "web" | "app" | "db" | "backup" | "jump" | "client" | "internet" | "controller";

export type HostSpec = {
  readonly name: HostName;
  readonly ipv4: string;
  readonly ipv6: string;
  /** The router's address in the host's own network. */
  readonly gateway4: string;
  readonly gateway6: string;
  /** Runs an agent. */
  readonly managed: boolean;
  readonly labels: Readonly<Record<string, string>>;
};

/** Router addresses, one for each network; the lab's "switch" namespace owns them all. */
export const networks = {
  datacentre: { gateway4: "10.77.0.1", gateway6: "fd77::1" },
  office: { gateway4: "10.88.0.1", gateway6: "fd88::1" },
  // Globally routable, so that rules about the internet apply; it exists inside the lab's namespaces only.
  internet: { gateway4: "100.24.0.1", gateway6: "2a00:7700::1" },
} as const;

export const IPV4_BITS = 24;
export const IPV6_BITS = 64;

const ours = { app: "crm", env: "lab" } as const;

export const hosts: Readonly<Record<HostName, HostSpec>> = {
  web: server("web", "11", { ...ours, role: "web" }),
  app: server("app", "12", { ...ours, role: "app" }),
  db: server("db", "13", { ...ours, role: "db" }),
  backup: server("backup", "14", { app: "backup", env: "lab", role: "backup" }),
  jump: server("jump", "15", { app: "jump", env: "lab", role: "jump" }),
  controller: { ...server("controller", "5", {}), managed: false },
  client: {
    name: "client",
    ipv4: "10.88.0.10",
    ipv6: "fd88::10",
    ...networks.office,
    managed: false,
    labels: {},
  },
  internet: {
    name: "internet",
    ipv4: "100.24.0.10",
    ipv6: "2a00:7700::10",
    ...networks.internet,
    managed: false,
    labels: {},
  },
};

export const hostNames = Object.keys(hosts) as readonly HostName[];
export const managedHosts: readonly HostName[] = hostNames.filter((name) => hosts[name].managed);

/** The order that protects most with the least risk: the data first, then the way in, then what lies between. */
export const blockOrder: readonly HostName[] = ["db", "web", "app"];

export const ports = { http: 80, ssh: 22, api: 8000, postgres: 5432, metrics: 8125, dns: 53 } as const;

function server(name: HostName, last: string, labels: Readonly<Record<string, string>>): HostSpec {
  return {
    name,
    ipv4: `10.77.0.${last}`,
    ipv6: `fd77::${last}`,
    ...networks.datacentre,
    managed: true,
    labels,
  };
}
