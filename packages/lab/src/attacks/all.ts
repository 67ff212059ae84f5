import type { Attack } from "./attack.ts";
import { attacksElsewhere } from "./elsewhere.ts";
import { attacksOnApp } from "./on-app.ts";
import { attacksOnWeb } from "./on-web.ts";

export const attacks: readonly Attack[] = [...attacksOnApp, ...attacksOnWeb, ...attacksElsewhere];
