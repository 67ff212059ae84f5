import { describe, expect, it } from "vitest";
import { importKubernetes } from "./import.ts";

describe("workloads of Kubernetes manifests", () => {
  it("takes pods of one owner for one workload when no selector tells them apart", () => {
    expect(names(pod("a", "web", "one"), pod("b", "web", "two"))).toEqual(["default/web"]);
  });

  it("keeps a pod apart that a policy's selector tells from the others of its owner", () => {
    expect(names(pod("a", "web", "one"), pod("b", "web", "two"), policy("tier: two"))).toEqual([
      "default/web",
      "default/b",
    ]);
  });

  it("keeps the names of static pods, which their node owns", () => {
    const node = { ownerReferences: [{ kind: "Node", name: "minikube", controller: true }] };
    expect(names(pod("etcd", node, "one"), pod("scheduler", node, "one"))).toEqual([
      "default/etcd",
      "default/scheduler",
    ]);
  });
});

function names(...documents: readonly string[]): readonly string[] {
  const imported = importKubernetes([{ file: "all.yaml", text: documents.join("\n---\n") }]);
  if (!imported.ok) throw new Error(JSON.stringify(imported.error));
  return imported.value.filter(({ kind }) => kind === "Workload").map(({ metadata }) => metadata.name);
}

function pod(name: string, owner: string | object, tier: string): string {
  const owned = typeof owner === "string" ? { ownerReferences: [{ name: owner, controller: true }] } : owner;
  return JSON.stringify({ kind: "Pod", metadata: { name, labels: { tier }, ...owned } });
}

function policy(label: string): string {
  return `kind: NetworkPolicy\nmetadata: { name: p }\nspec: { podSelector: { matchLabels: { ${label} } }, ingress: [] }`;
}
