import type { Stage } from "../cast.ts";
import { addSeen, expectPath, expectProved } from "./expecting.ts";
import { type Client, connect, OTHER_PROVER, ports } from "./programs.ts";

const ENDS = { from: "app", to: "db" } as const;
const ALLOWED = { ...ENDS, expected: "gets through" } as const;
const REFUSED = { ...ENDS, expected: "refused" } as const;
const REFUSED_SECONDS = 3;
/** The client's question: 20 bytes of IP, 8 of UDP, 8 of data. What lies behind belongs to the proof. */
const QUESTION_BYTES = 36;
/** What a middlebox that does not know why a packet is longer than its datagram may do with it. */
export const CUT = `udp dport ${ports.datagramsRequired} ip length set ${QUESTION_BYTES}`;

/** Hosts whose agents run with `--prove-datagrams`: a flow's first datagrams prove its software as SYNs do. */
export async function proveDatagrams(cast: Stage): Promise<void> {
  const { lab } = cast;
  const sinceMs = Date.now();
  const ask = (port: number, more: Client = {}) =>
    connect(lab, ENDS.from, "db4", port, { datagrams: true, ...more });
  const refused = { seconds: REFUSED_SECONDS };
  addSeen(cast, { ...ALLOWED, tried: "datagrams of the right program" }, await ask(ports.datagrams));
  await expectProved(cast, "ringwall get flows: their level", { ...ENDS, port: ports.datagrams, sinceMs });
  const required = () => ask(ports.datagramsRequired);
  addSeen(cast, { ...ALLOWED, tried: "the same under `verified: required`" }, await required());
  const other = await ask(ports.datagrams, { ...refused, script: OTHER_PROVER });
  addSeen(cast, { ...REFUSED, tried: "datagrams of other software at the same address" }, other);
  await lab.way.set(CUT);
  try {
    const tried = "proofs cut off behind the data on the way, `verified: required`";
    addSeen(cast, { ...REFUSED, tried }, await ask(ports.datagramsRequired, refused));
  } finally {
    await lab.way.clear();
  }
  addSeen(cast, { ...ALLOWED, tried: "nothing cuts them off, `verified: required`" }, await required());
  const fits = ({ proved, missing }: { proved: number; missing: number }) => proved > 0 && missing > 0;
  await expectPath(cast, ENDS.from, ENDS.to, "expected", { proto: "udp", fits });
}
