import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** Cases made by others, beside the checkout; tests that need them are skipped by name where they are not there. */
export const outsideData = resolve(import.meta.dirname, "../../../../shared/data");
export const hasOutsideData = existsSync(outsideData);
