import type { FlowEnd } from "@ringwall/model";
import type { Truth } from "../lower/match-software.ts";
import { allOf } from "../lower/match-software.ts";
import type { Inventory } from "../policy-set/inventory.ts";
import type { PolicySet } from "../policy-set/policy-set.ts";
import { processFactors } from "../spec/factors.ts";
import type { IndexedRule } from "./rule-index.ts";

/** Distinct processes that are remembered at a time; beyond that all are forgotten and judged again. */
const PROCESSES_MAX = 50_000;

/** Whether a process meets an endpoint's process factors, as far as the record says; judged once per kind of process. */
export function createProcessIndex(set: PolicySet, inventory: Inventory) {
  const endpoints = new Map<string, number>();
  const numbers = new WeakMap<IndexedRule["to"], number>();
  let known = new Map<string, Map<number, Truth>>();
  const numberOf = (endpoint: IndexedRule["to"]): number => {
    const found = numbers.get(endpoint);
    if (found !== undefined) return found;
    const key = JSON.stringify([endpoint.software, endpoint.user, endpoint.unit, endpoint.container]);
    const number = endpoints.get(key) ?? endpoints.size;
    endpoints.set(key, number);
    numbers.set(endpoint, number);
    return number;
  };
  return (endpoint: IndexedRule["to"], flow: FlowEnd): Truth => {
    const key = keyOf(flow);
    let judged = known.get(key);
    if (judged === undefined) {
      if (known.size >= PROCESSES_MAX) known = new Map();
      judged = new Map();
      known.set(key, judged);
    }
    const number = numberOf(endpoint);
    const found = judged.get(number);
    if (found !== undefined) return found;
    const end = { flow, workload: null, owners: [], addresses: [], foreign: false };
    const truth = allOf(processFactors({ set, inventory }, "", endpoint, end).map((factor) => factor.truth));
    judged.set(number, truth);
    return truth;
  };
}

function keyOf(flow: FlowEnd): string {
  if (flow.environment != null && flow.environment.length > 0) return JSON.stringify(flow);
  return `${flow.software}|${flow.exe}|${flow.exeSha256}|${flow.script}|${flow.scriptSha256}|${flow.user}|${flow.unit}|${
    flow.container
  }|${flow.package}|${flow.evidence}|${flow.image}|${flow.unattributable}`;
}
