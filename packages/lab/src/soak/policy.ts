/** What is allowed in the soak, in two editions that differ in every entry and in no verdict. */

export type Digests = {
  readonly python: string;
  readonly client: string;
  readonly server: string;
  readonly curl: string;
};

export const EDITIONS = ["plain", "wide"] as const;
export type Edition = (typeof EDITIONS)[number];

export function policyText(edition: Edition, digests: Digests): string {
  const python = `executable: { sha256: "${digests.python}" }`;
  const script = (digest: string) => `{ ${python}, script: { sha256: "${digest}" } }`;
  const ports = edition === "plain" ? "[tcp/8000, udp/8001]" : "[tcp/7900-8100, udp/8000-8003]";
  const allow = (name: string, from: string, to: string) =>
    `    - { name: ${name}, allow: { from: ${from}, to: { segment: ${to}, software: server }, ports: ${ports} } }`;
  return [
    ...["web", "app", "db"].map((role) => segment(role)),
    software("client", script(digests.client)),
    software("server", script(digests.server)),
    software("curl", `{ executable: { sha256: "${digests.curl}" } }`),
    "apiVersion: ringwall.dev/v1\nkind: Policy\nmetadata: { name: soak }\nspec:\n  rules:",
    allow("people reach the web", "{ unmanaged: true }", "web"),
    allow("web reaches app", "{ segment: web, software: [client, curl] }", "app"),
    allow("app reaches db", "{ segment: app, software: client }", "db"),
    ...(edition === "wide" ? [allow("db answers itself", "{ segment: db, software: client }", "db")] : []),
    "",
  ].join("\n");
}

function segment(role: string): string {
  return resource(
    "Segment",
    role,
    `workloads: { role: ${role} }, modes: { inbound: block, outbound: block }`,
  );
}

function software(name: string, entry: string): string {
  return resource("Software", name, `anyOf: [${entry}]`);
}

function resource(kind: string, name: string, spec: string): string {
  return `apiVersion: ringwall.dev/v1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: { ${spec} }\n---`;
}
