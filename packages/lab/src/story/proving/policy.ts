import { hosts } from "../../topology.ts";
import type { Stage } from "../cast.ts";
import { ANSWERER, digestOfOwn, PROVER, ports } from "./programs.ts";

const FILE = "/srv/proving.yaml";

/**
 * One end alone refuses: `app` lets everything out and `db` lets in what is proved, so that what comes from `app` and is
 * refused is refused by the other end's kernel; with `web` it is the client that judges its server.
 */
export async function provisionProving({ operator, lab, agents }: Stage): Promise<void> {
  lab.host("controller").writeFile(FILE, provingPolicy());
  await operator.type("apply", FILE);
  await operator.type("provision", "--note", "proving software");
  await operator.type("confirm");
  await agents.settled();
}

function provingPolicy(): string {
  return `${software("prover", PROVER, digestOfOwn("prove-client.py"))}
${software("answerer", ANSWERER, digestOfOwn("prove-server.py"))}
${segment("prove-client", "app", "observe", "observe")}
${segment("prove-server", "db", "block", "observe")}
${segment("prove-careful", "web", "observe", "block")}
${segment("prove-late", "backup", "observe", "observe")}
apiVersion: ringwall.dev/v1
kind: Policy
metadata: { name: proving }
spec:
  rules:
    - name: preferred
      allow:
        from: { segment: prove-client, software: prover }
        to: { segment: prove-server, software: answerer }
        ports: [tcp/${ports.preferred}, tcp/${ports.second}, udp/${ports.datagrams}]
    - name: required
      allow:
        from: { segment: prove-client, software: prover }
        to: { segment: prove-server, software: answerer }
        ports: [tcp/${ports.required}, udp/${ports.datagramsRequired}]
        verified: required
    - name: by address
      allow:
        from: { cidr: ${hosts.backup.ipv4}/32, software: prover }
        to: { segment: prove-server, software: answerer }
        ports: [tcp/${ports.byAddress}]
    - name: the right answer
      allow:
        from: { segment: prove-careful, software: prover }
        to: { segment: prove-client, software: answerer }
        ports: [tcp/${ports.answers}]
    - name: late and required
      allow:
        from: { segment: prove-late, software: prover }
        to: { segment: prove-server, software: answerer }
        ports: [tcp/${ports.late}]
        verified: required
`;
}

function software(name: string, path: string, sha256: string): string {
  return `apiVersion: ringwall.dev/v1
kind: Software
metadata: { name: ${name} }
spec:
  anyOf: [{ script: { path: ${path}, sha256: ["${sha256}"] } }]
---`;
}

function segment(name: string, role: string, inbound: string, outbound: string): string {
  return `apiVersion: ringwall.dev/v1
kind: Segment
metadata: { name: ${name} }
spec:
  workloads: { role: ${role} }
  modes: { inbound: ${inbound}, outbound: ${outbound}, processes: observe }
---`;
}
