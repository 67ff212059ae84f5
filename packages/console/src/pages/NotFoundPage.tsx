import { Link } from "@tanstack/react-router";
import { EmptyState } from "../ui/EmptyState.tsx";
import { pb } from "../util/path-builder.ts";

export function NotFoundPage() {
  return (
    <EmptyState title="No such page">
      Nothing is at this address.{" "}
      <Link {...pb.map()} className="rw-link">
        Back to the map
      </Link>
    </EmptyState>
  );
}
