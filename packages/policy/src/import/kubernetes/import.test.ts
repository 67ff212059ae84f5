import { expect, test } from "vitest";
import { importKubernetes } from "./import.ts";

const imported = (...texts: readonly string[]) => {
  const result = importKubernetes(texts.map((text, i) => ({ file: `${i}.yaml`, text })));
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};
const template =
  "template: { metadata: { labels: { app: one } }, spec: { containers: [{ ports: [{ name: web, containerPort: 80 }] }] } }";

test.each(["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "DaemonSet", "Job"])(
  "a %s stands for its pods, in a list and beside other files too",
  (kind) => {
    const object = `{ kind: ${kind}, metadata: { name: one, namespace: shop }, spec: { ${template} } }`;
    const space = "kind: Namespace\nmetadata: { name: shop, labels: { tier: 1 } }";
    for (const text of [object, `kind: List\nitems: [${object}]`]) {
      const [workload] = imported(text, space);
      expect(workload).toMatchObject({
        kind: "Workload",
        metadata: {
          name: "shop/one",
          labels: { app: "one", "namespace/tier": "1", "namespace/kubernetes.io/metadata.name": "shop" },
        },
        spec: { ports: [{ name: "web", proto: "tcp", port: 80 }] },
      });
    }
  },
);

test("a CronJob stands for the pods of its jobs", () => {
  const [workload] = imported(
    `{ kind: CronJob, metadata: { name: one }, spec: { jobTemplate: { spec: { ${template} } } } }`,
  );
  expect(workload?.metadata.name).toBe("default/one");
});

test("no label of its own puts a pod into another namespace", () => {
  const label = "namespace/kubernetes.io/metadata.name";
  const [pod] = imported(`{ kind: Pod, metadata: { name: a, namespace: x, labels: { ${label}: y } } }`);
  expect(pod?.metadata).toMatchObject({ labels: { [label]: "x" } });
});

test("what Kubernetes would refuse is refused with its place, all of it at once", () => {
  const text = `
kind: NetworkPolicy
metadata: { name: x }
spec:
  podSelector: { matchLabels: { a: "b c!" } }
  ingress:
    - from: [{ ipBlock: { cidr: 300.1.1.1/8, except: [10.0.0.1] } }]
      ports: [{ port: 80, endPort: 70 }, { port: web, endPort: 90 }, { protocol: tcp }]
    - form: []
`;
  const result = importKubernetes([{ file: "x.yaml", text }]);
  if (result.ok) throw new Error("it was taken");
  const places = result.error.map(({ code, place }) => `${code} ${place?.line}`);
  expect(places.toSorted()).toEqual([
    "invalid-value 5",
    "invalid-value 7",
    "invalid-value 7",
    "invalid-value 8",
    "invalid-value 8",
    "invalid-value 8",
    "unknown-key 9",
  ]);
});
