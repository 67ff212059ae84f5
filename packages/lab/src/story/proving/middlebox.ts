import type { Stage } from "../cast.ts";
import { addSeen, expectFlow, expectPath, expectPathAlert, expectProved, until } from "./expecting.ts";
import { connect, ports } from "./programs.ts";

const ENDS = { from: "app", to: "db" } as const;
const ALLOWED = { ...ENDS, expected: "gets through" } as const;
const REFUSED = { ...ENDS, expected: "refused" } as const;
const MARK_MS_MAX = 60_000;
/** What a middlebox that does not know an option may do with it. */
const STRIP = "tcp flags & syn == syn reset tcp option 254";

/**
 * Something between the hosts takes the option out of every SYN and SYN-ACK. Under `required` nothing gets through; under
 * `preferred` the first attempts wait, or fail, until both agents' reports have marked the path, and none after that.
 */
export async function middlebox(cast: Stage): Promise<void> {
  const { lab } = cast;
  const required = () => connect(lab, ENDS.from, "db4", ports.required);
  await lab.way.set(STRIP);
  try {
    const tried = "options taken out on the way, `verified: required`";
    addSeen(cast, { ...REFUSED, tried }, await required());
    await untilMarked(cast);
    await expectPath(cast, ENDS.from, ENDS.to, "stripped");
    // The way back has a mark of its own: until then the client's host calls the server's software unknown.
    await expectPath(cast, ENDS.to, ENDS.from, "stripped");
    const words = `\`${ENDS.from}\` sends do not arrive at \`${ENDS.to}\``;
    await expectPathAlert(cast, "an alert names the path", ENDS, words);
    await lower(cast);
    addSeen(cast, { ...REFUSED, tried: "the marked path, `verified: required`" }, await required());
  } finally {
    await lab.way.clear();
  }
  const sinceMs = Date.now();
  const preferred = await connect(lab, ENDS.from, "db4", ports.preferred);
  addSeen(cast, { ...ALLOWED, tried: "the middlebox is gone, `preferred`" }, preferred);
  await expectPath(cast, ENDS.from, ENDS.to, "expected");
  addSeen(cast, { ...ALLOWED, tried: "the middlebox is gone, `verified: required`" }, await required());
  await expectProved(cast, "ringwall get flows: the level is back", {
    ...ENDS,
    port: ports.required,
    sinceMs,
  });
}

async function untilMarked(cast: Stage): Promise<void> {
  let attempts = 0;
  let last = { reached: false, detail: "" };
  await until(async () => {
    attempts += 1;
    last = await connect(cast.lab, ENDS.from, "db4", ports.preferred);
    return last.reached;
  }, MARK_MS_MAX);
  const tried = "the same under `preferred`, once both agents' reports have marked the path";
  addSeen(cast, { ...ALLOWED, tried }, { ...last, detail: `${last.detail}, attempt ${attempts}` });
}

/** What gets through on the marked path says that nobody proved it. */
async function lower(cast: Stage): Promise<void> {
  const sinceMs = Date.now();
  const seen = await connect(cast.lab, ENDS.from, "db6", ports.second);
  addSeen(cast, { ...ALLOWED, tried: "the marked path, over IPv6" }, seen);
  await expectFlow(cast, "ringwall get flows: the lower level", {
    ...ENDS,
    port: ports.second,
    sinceMs,
    verdict: "allowed",
    levels: ["attested", "address"],
  });
}
