import { labelValue, parsePrefix } from "@ringwall/model";
import { z } from "zod";

/** Of Kubernetes' objects only what says who is where and who may talk to whom; everything else is passed over. */

const text = z.string();
/** YAML may read `1` or `true` where people meant text. */
const value = z.coerce.string().pipe(labelValue);
const labels = z.record(text, value).nullish();
const metadata = z.looseObject({
  name: text,
  namespace: text.nullish(),
  labels,
  ownerReferences: z
    .array(z.looseObject({ name: text, kind: text.nullish(), controller: z.boolean().nullish() }))
    .nullish(),
});

export const labelSelector = z.strictObject({
  matchLabels: labels,
  matchExpressions: z
    .array(
      z.strictObject({
        key: text,
        operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]),
        values: z.array(value).nullish(),
      }),
    )
    .nullish(),
});

/** Host bits are cut off later, as Kubernetes does. */
const block = text.refine((cidr) => {
  const prefix = parsePrefix(cidr);
  return cidr.includes("/") && !("fault" in prefix && prefix.fault === "syntax");
}, "a block of addresses, such as 10.0.0.0/8");
const peer = z.strictObject({
  podSelector: labelSelector.nullish(),
  namespaceSelector: labelSelector.nullish(),
  ipBlock: z.strictObject({ cidr: block, except: z.array(block).nullish() }).nullish(),
});
const port = z
  .strictObject({
    protocol: z.enum(["TCP", "UDP", "SCTP"]).nullish(),
    port: z.union([z.int().min(1).max(65535), text]).nullish(),
    endPort: z.int().min(1).max(65535).nullish(),
  })
  .refine(({ port: first, endPort }) => endPort == null || (typeof first === "number" && first <= endPort), {
    message: "a number in `port` that is not above `endPort`",
    path: ["endPort"],
  });
const ports = z.array(port).nullish();

export const networkPolicy = z.looseObject({
  kind: z.literal("NetworkPolicy"),
  metadata,
  spec: z.strictObject({
    podSelector: labelSelector.nullish(),
    policyTypes: z.array(z.enum(["Ingress", "Egress"])).nullish(),
    ingress: z.array(z.strictObject({ from: z.array(peer).nullish(), ports })).nullish(),
    egress: z.array(z.strictObject({ to: z.array(peer).nullish(), ports })).nullish(),
  }),
});

export const namespace = z.looseObject({ kind: z.literal("Namespace"), metadata });

const container = z.looseObject({
  ports: z
    .array(
      z.looseObject({
        name: text.nullish(),
        containerPort: z.int().min(1).max(65535).nullish(),
        protocol: z.enum(["TCP", "UDP", "SCTP"]).nullish(),
      }),
    )
    .nullish(),
});
const podSpec = z.looseObject({ containers: z.array(container).nullish() });

export const pod = z.looseObject({
  kind: z.literal("Pod"),
  metadata,
  spec: podSpec.nullish(),
  status: z
    .looseObject({ podIP: text.nullish(), podIPs: z.array(z.looseObject({ ip: text })).nullish() })
    .nullish(),
});

const template = z.looseObject({ metadata: z.looseObject({ labels }).nullish(), spec: podSpec.nullish() });
/** Everything that makes pods from a template. */
export const controller = z.looseObject({
  kind: z.enum(["Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Job"]),
  metadata,
  spec: z.looseObject({ template }),
});
export const cronJob = z.looseObject({
  kind: z.literal("CronJob"),
  metadata,
  spec: z.looseObject({ jobTemplate: z.looseObject({ spec: z.looseObject({ template }) }) }),
});

export type LabelSelectorObject = z.infer<typeof labelSelector>;
export type NetworkPolicyObject = z.infer<typeof networkPolicy>;
export type PeerObject = z.infer<typeof peer>;
export type PortObject = z.infer<typeof port>;
export type PodObject = z.infer<typeof pod>;
export type NamespaceObject = z.infer<typeof namespace>;
export type TemplateObject = z.infer<typeof template>;
export type MetadataObject = z.infer<typeof metadata>;
