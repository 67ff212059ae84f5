import { type Refusal, refusal } from "../../refusal.ts";

export function drillRunning(run: number): Refusal {
  return refusal(409, "drill-running", `drill ${run} is under way; there is one at a time`, {
    fix: "wait for its end: `ringwall drill --list`",
  });
}

export function sameHost(): Refusal {
  return refusal(422, "drill-same-host", "a drill goes from one host to another", {
    fix: "name two workloads: `ringwall drill SOURCE DESTINATION`",
  });
}

export function agentAway(name: string): Refusal {
  return refusal(409, "agent-away", `the agent on \`${name}\` is not connected`, {
    fix: "`ringwall agent status` on that host says why",
  });
}

export function noCommonFamily(source: string, destination: string): Refusal {
  return refusal(
    409,
    "drill-no-address",
    `\`${source}\` and \`${destination}\` have no addresses of one family`,
    {
      fix: "`ringwall get workloads` shows what they have reported",
    },
  );
}

export function noSuchDrill(run: number): Refusal {
  return refusal(404, "no-such-drill", `there is no drill ${run}`, {
    fix: "`ringwall drill --list` lists them",
  });
}

export function noSuchSchedule(source: string, destination: string): Refusal {
  return refusal(404, "no-such-schedule", `no drill from \`${source}\` to \`${destination}\` is scheduled`, {
    fix: "`ringwall drill --list` lists them",
  });
}
