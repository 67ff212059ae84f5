import type { UserServices } from "../api/users/services.ts";
import { createAdmin } from "./admin.ts";
import { createChangeServices } from "./changing.ts";
import { createDraftServices } from "./drafts.ts";
import type { UserServicesParts } from "./parts.ts";
import { createViews } from "./views.ts";

/** What the users' API can do. */
export function createUserServices(parts: UserServicesParts): UserServices {
  return {
    ...createViews(parts),
    ...createDraftServices(parts),
    ...createChangeServices(parts),
    ...createAdmin(parts),
  };
}
