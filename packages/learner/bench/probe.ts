import { readFileSync } from "node:fs";
import { loadApplications, parseBoutique } from "../../lab/src/fleet/app-graph.ts";
import { fleetTrial } from "./fleet-trial.ts";

const root = process.argv[2] ?? "/work/shared/data/applications";
const apps = [
  ...loadApplications(root),
  parseBoutique(readFileSync(`${root}/online-boutique/true-edges.json`, "utf8")),
];
const seeds = Number(process.argv[3] ?? 3);
const verbose = process.argv[4];
for (const withLabels of [false, true])
  for (const share of [0.9, 0.5]) {
    const all = [];
    for (const app of apps) {
      const own = [];
      for (let seed = 1; seed <= seeds; seed++) {
        const t = fleetTrial([app], seed, { share, withLabels });
        own.push(t.score);
        all.push(t.score);
        if (verbose && app.name.includes(verbose) && seed === 1) {
          console.log(
            t.result.report.segments
              .map(
                (s) =>
                  `${s.name}: ${s.members.map((m) => t.fleet.hosts.find((h) => h.name === m)?.service.split("/")[1]).join(" ")}`,
              )
              .join("\n"),
          );
          console.log(
            t.result.report.rules
              .map(
                (r) => `${r.policy}/${r.rule} e=${r.evidence.edges} op=${r.overPermission} c=${r.confidence}`,
              )
              .join("\n"),
          );
          console.log(
            t.wrong
              .map(
                (w) =>
                  `${w.isAttack ? "ATTACK" : "benign"} ${w.pair.kind} ${w.pair.src?.service} -> ${w.pair.dst?.service} seen=${w.wasSeen}`,
              )
              .join("\n"),
          );
          console.log(
            t.result.report.setAside
              .map((s) => `${s.reason}: ${s.words} ${JSON.stringify(s.edge)}`)
              .join("\n"),
          );
        }
      }
      console.log(withLabels ? "labels" : "hidden", share, app.name.padEnd(50), line(own));
    }
    console.log(withLabels ? "labels" : "hidden", share, "ALL".padEnd(50), line(all));
  }
function line(s: readonly ReturnType<typeof fleetTrial>["score"][]): string {
  const sum = (k: keyof (typeof s)[number]) => s.reduce((x, y) => x + y[k], 0);
  const pct = (a: number, b: number) => (b === 0 ? "-" : ((100 * a) / b).toFixed(1));
  return `ari ${(sum("rand") / s.length).toFixed(3)} benign ${pct(sum("benignAllowed"), sum("benign"))} unseen ${pct(sum("unseenAllowed"), sum("unseen"))} foreign ${pct(sum("foreignStopped"), sum("foreign"))} lateral ${pct(sum("lateralStopped"), sum("lateral"))} rules ${(sum("rules") / (1.3 * sum("trueEdges") + sum("infrastructure"))).toFixed(2)} (${sum("rules")}/${sum("trueEdges")}+${sum("infrastructure")}) over ${(sum("permitted") / sum("trueTuples")).toFixed(3)} false ${((sum("permitted") - sum("permittedTrue")) / sum("trueTuples")).toFixed(3)}`;
}
