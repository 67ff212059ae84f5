import { onThisMachine } from "../../slowness.ts";
import type { Stage } from "../cast.ts";
import { addSeen, expectFlow, expectProved } from "./expecting.ts";
import {
  ANSWERER,
  captureSyn,
  connect,
  inject,
  OTHER_ANSWERER,
  OTHER_PROVER,
  ports,
  startServer,
} from "./programs.ts";

const ENDS = { from: "app", to: "db" } as const;
const ALLOWED = { ...ENDS, expected: "gets through" } as const;
const REFUSED = { ...ENDS, expected: "refused" } as const;
const FROM = ENDS.from;
const STOP_MS_MAX = 5000;
/** Long enough for a SYN that names its software, which leaves when that is known. */
const LOST_SECONDS = onThisMachine(4);

/** What is right gets through, over both protocols, and is shown with its level. */
export async function rightOnes(cast: Stage): Promise<void> {
  const { lab } = cast;
  const sinceMs = Date.now();
  for (const to of ["db4", "db6"]) {
    const tried = `the right program to the right server (${to})`;
    addSeen(cast, { ...ALLOWED, tried }, await connect(lab, FROM, to, ports.preferred));
  }
  const tried = "the same where the rule says `verified: required`";
  addSeen(cast, { ...ALLOWED, tried }, await connect(lab, FROM, "db4", ports.required));
  await expectProved(cast, "ringwall get flows: its level", { ...ENDS, port: ports.required, sinceMs });
}

/** What is at the client's address and is not the client. */
export async function impostors(cast: Stage): Promise<void> {
  const { lab } = cast;
  const sinceMs = Date.now();
  const other = await connect(lab, FROM, "db4", ports.preferred, { script: OTHER_PROVER });
  addSeen(cast, { ...REFUSED, tried: "other software at the same address" }, other);
  const outside = await connect(lab, FROM, "db4", ports.second, { outside: true });
  addSeen(cast, { ...REFUSED, tried: "the right program outside the agent's reach" }, outside);
  await expectFlow(cast, "ringwall get flows: the other software, by its name", {
    ...ENDS,
    port: ports.preferred,
    sinceMs,
    verdict: "blocked",
    program: OTHER_PROVER,
    // What has no number yet when its patience ends has proved its host only.
    levels: ["in-band", "attested"],
  });
}

/** What raw sockets can do with a SYN of the right program, and without its key. */
export async function forgeries(cast: Stage): Promise<void> {
  const { lab } = cast;
  const syn = await captureSyn(lab, FROM, ports.preferred, () => connect(lab, FROM, "db4", ports.preferred));
  for (const [tried, ...changes] of [
    ["a proof made with a wrong key", "key=random"],
    ["a made-up MAC", "mac=random"],
    ["a stolen option on another port of the same rule", `port=${ports.second}`],
    ["the exact SYN of a connection that was"],
  ] as const)
    addSeen(cast, { ...REFUSED, tried }, await inject(lab, FROM, syn, ...changes));
  await lab.way.set(`tcp dport ${ports.second} drop`);
  const lost = await captureSyn(lab, FROM, ports.second, () =>
    connect(lab, FROM, "db4", ports.second, { seconds: LOST_SECONDS }),
  );
  await lab.way.clear();
  const tried = "control: a SYN that got lost on the way, sent for the first time";
  addSeen(cast, { ...ALLOWED, tried }, await inject(lab, FROM, lost));
}

/** The server at the right address and port is another program: the client's kernel refuses it. */
export async function wrongServer(cast: Stage): Promise<void> {
  const { lab } = cast;
  const ends = { from: "web", to: "app" } as const;
  const ask = () => connect(lab, "web", "app4", ports.answers);
  const right = await startServer(lab, "app", ANSWERER, [ports.answers]);
  const allowed = { ...ends, tried: "a server that is the right program", expected: "gets through" } as const;
  addSeen(cast, allowed, await ask());
  await right.stop("SIGTERM", STOP_MS_MAX);
  const wrong = await startServer(lab, "app", OTHER_ANSWERER, [ports.answers]);
  const sinceMs = Date.now();
  const refused = { ...ends, expected: "refused", says: "Connection refused" } as const;
  addSeen(cast, { ...refused, tried: "another program on its port, told at once" }, await ask());
  await expectFlow(cast, "ringwall get flows: refused by the client's host", {
    ...ends,
    port: ports.answers,
    sinceMs,
    verdict: "blocked",
    levels: ["in-band"],
  });
  await wrong.stop("SIGTERM", STOP_MS_MAX);
}
