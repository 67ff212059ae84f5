import type { UserServices } from "../api/users/services.ts";
import { createAdmin } from "./admin.ts";
import { createChangeServices } from "./changing.ts";
import { createDraftServices } from "./drafts.ts";
import { createDrillServices } from "./drills.ts";
import { createLearning } from "./learning.ts";
import type { UserServicesParts } from "./parts.ts";
import { createReview } from "./review.ts";
import { createShadowServices } from "./shadow.ts";
import { createViews } from "./views.ts";

/** What the users' API can do. */
export function createUserServices(parts: UserServicesParts): UserServices {
  return {
    ...createViews(parts),
    ...createDraftServices(parts),
    ...createLearning(parts),
    ...createReview(parts),
    ...createChangeServices(parts),
    ...createShadowServices(parts),
    ...createDrillServices(parts),
    ...createAdmin(parts),
  };
}
