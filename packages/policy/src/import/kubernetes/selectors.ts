import type { LabelRequirement, LabelSelector } from "@ringwall/model";
import { listOf } from "../../policy-set/labels.ts";
import type { LabelSelectorObject } from "./objects.ts";

/** The labels of a pod's namespace stand beside its own under this prefix. */
export const NAMESPACE_PREFIX = "namespace/";
/** Kubernetes gives every namespace this label. */
export const NAMESPACE_NAME = `${NAMESPACE_PREFIX}kubernetes.io/metadata.name`;
/** Selects nothing: no workload carries it. */
const NOTHING: LabelSelector = { "ringwall.dev/nothing": "nothing" };

type Wanted = { in?: ReadonlySet<string>; notIn: Set<string>; exists?: boolean };

/**
 * A Kubernetes selector as ours. Several requirements on one key become one; "present, but none of these" is written
 * as the list of the other values in use, since a selector says one thing about a key.
 */
export function selectorOf(
  selector: LabelSelectorObject,
  prefix: string,
  valuesInUse: (key: string) => readonly string[],
): LabelSelector {
  const byKey = new Map<string, Wanted>();
  const at = (key: string): Wanted => {
    const known = byKey.get(`${prefix}${key}`) ?? { notIn: new Set() };
    byKey.set(`${prefix}${key}`, known);
    return known;
  };
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) narrow(at(key), [value]);
  let contradiction = false;
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const wanted = at(key);
    if (operator === "In") narrow(wanted, values ?? []);
    else if (operator === "NotIn") for (const value of values ?? []) wanted.notIn.add(value);
    else {
      const exists = operator === "Exists";
      contradiction ||= wanted.exists === !exists;
      wanted.exists = exists;
    }
  }
  const requirements = [...byKey].map(
    ([key, wanted]) => [key, requirementOf(wanted, valuesInUse(key))] as const,
  );
  if (contradiction || requirements.some(([, requirement]) => requirement === null)) return NOTHING;
  return Object.fromEntries(requirements) as LabelSelector; // no null is left
}

/** Does Kubernetes' selector match these labels? */
export function matchesLabels(
  { matchLabels, matchExpressions }: LabelSelectorObject,
  labels: Readonly<Record<string, string>>,
): boolean {
  const equal = Object.entries(matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    equal &&
    (matchExpressions ?? []).every(({ key, operator, values }) => {
      const value = labels[key];
      if (operator === "Exists") return value !== undefined;
      if (operator === "DoesNotExist") return value === undefined;
      const listed = value !== undefined && (values ?? []).includes(value);
      return operator === "In" ? listed : !listed;
    })
  );
}

/** AND of two selectors over different keys. */
export function both(a: LabelSelector, b: LabelSelector): LabelSelector {
  return { ...a, ...b };
}

/** Only what is in a namespace, as every pod is: a selector that says what the name is not holds elsewhere too. */
export function inSomeNamespace(
  selector: LabelSelector,
  valuesInUse: (key: string) => readonly string[],
): LabelSelector {
  const name = selector[NAMESPACE_NAME];
  if (name === undefined) return { [NAMESPACE_NAME]: { exists: true }, ...selector };
  if (typeof name === "string" || Array.isArray(name)) return selector;
  if ("exists" in name) return name.exists ? selector : NOTHING;
  const values = valuesInUse(NAMESPACE_NAME).filter((value) => !listOf(name.not).includes(value));
  return values.length === 0 ? NOTHING : { ...selector, [NAMESPACE_NAME]: values };
}

function narrow(wanted: Wanted, values: readonly string[]): void {
  const allowed = new Set(values);
  wanted.in = wanted.in === undefined ? allowed : wanted.in.intersection(allowed);
}

/** Null = can't be met. */
function requirementOf(wanted: Wanted, inUse: readonly string[]): LabelRequirement | null {
  const { notIn } = wanted;
  if (wanted.in !== undefined) {
    const values = [...wanted.in].filter((value) => !notIn.has(value));
    if (values.length === 0 || wanted.exists === false) return null;
    return values.length === 1 ? (values[0] ?? null) : values;
  }
  if (wanted.exists === false) return { exists: false };
  if (wanted.exists === true) {
    const values = inUse.filter((value) => !notIn.has(value));
    if (notIn.size === 0) return { exists: true };
    return values.length === 0 ? null : [...values];
  }
  return { not: [...notIn] };
}
