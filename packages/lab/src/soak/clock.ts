// Loaded into an agent (`node --import`): its wall clock is ahead by what the file in SOAK_CLOCK_FILE says, in seconds. The
// boot clock, which the kernel's programs and every deadline go by, is the machine's own, as with a real jump.
import { readFileSync } from "node:fs";

const file = process.env["SOAK_CLOCK_FILE"] ?? "";
const LOOK_EVERY_MS = 200;
const trueNow = Date.now;
let aheadMs = 0;

function look(): void {
  try {
    aheadMs = Number(readFileSync(file, "utf8")) * 1000 || 0;
  } catch {
    aheadMs = 0;
  }
}

look();
setInterval(look, LOOK_EVERY_MS).unref();
Date.now = () => trueNow() + aheadMs;
