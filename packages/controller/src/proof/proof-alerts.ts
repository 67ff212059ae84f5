import type { NewAlert } from "../jobs/alerts.ts";
import type { Profile } from "./profiles.ts";
import type { KnownPath } from "./proofs-parts.ts";

export function strippedAlert({ source, destination, datagrams }: KnownPath, nowMs: number): NewAlert {
  const what = datagrams ? "what lies behind UDP's data" : "TCP options";
  return {
    kind: "path-stripped",
    workload: destination,
    message:
      `proofs that \`${source}\` sends do not arrive at \`${destination}\`: something on the way takes ${what} out; until one ` +
      `arrives, \`${destination}\` knows the software of \`${source}\` by its address only, and \`verified: required\` refuses it`,
    rule: null,
    timeMs: nowMs,
    count: 1,
  };
}

export function profileAlert({ a, b, changes }: Profile, nowMs: number): NewAlert {
  const what = changes.replaceAll("-", " ");
  const message =
    changes === "none"
      ? `proofs between \`${a}\` and \`${b}\` are wrong, also without addresses and ports: their keys, or somebody who makes proofs up`
      : `proofs between \`${a}\` and \`${b}\` arrive and are wrong: they leave ${what} out from now on, as behind a NAT`;
  return { kind: "path-stripped", workload: b, message, rule: null, timeMs: nowMs, count: 1 };
}
