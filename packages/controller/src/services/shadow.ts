import { fail, ok, type Result } from "@ringwall/model";
import { SHADOW_SECONDS_DEFAULT, type ShadowView } from "@ringwall/protocol/rest";
import type { UserServices } from "../api/users/services.ts";
import { shadowViewOf } from "../jobs/shadow/view.ts";
import { createNamer } from "../jobs/software-names.ts";
import type { Refusal } from "../refusal.ts";
import { namingSoftware, type UserServicesParts } from "./parts.ts";

/** The draft beside what is in force, on live traffic. */
export function createShadowServices(
  parts: UserServicesParts,
): Pick<UserServices, "shadow" | "startShadow" | "stopShadow"> {
  const { shadows, drafts, fleet } = parts;
  const view = async (): Promise<Result<ShadowView, Refusal>> => {
    const last = await shadows.last();
    if (!last.ok) return last;
    const nameOf = createNamer(await namingSoftware(parts));
    return ok(shadowViewOf(last.value, fleet, nameOf));
  };
  return {
    shadow: view,
    async startShadow(body, actor) {
      const { parsed } = await drafts.load();
      if (!parsed.ok) return parsed;
      const seconds = body.seconds ?? SHADOW_SECONDS_DEFAULT;
      const started = await shadows.start(parsed.value, seconds, actor.name);
      return started.ok ? view() : fail(started.error);
    },
    async stopShadow(actor) {
      const stopped = await shadows.stop(actor.name);
      return stopped.ok ? view() : fail(stopped.error);
    },
  };
}
