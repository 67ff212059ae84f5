import { Button } from "@mantine/core";
import { type ErrorComponentProps, useRouter } from "@tanstack/react-router";
import { ApiProblem, isSignedOut } from "../api/api-problem.ts";
import { EmptyState } from "../ui/EmptyState.tsx";
import { SignInPage } from "./SignInPage.tsx";

/** What stands in for a page whose data did not come. */
export function ProblemPage({ error }: ErrorComponentProps) {
  const router = useRouter();
  if (isSignedOut(error)) return <SignInPage />;
  const message = error instanceof Error ? error.message : String(error);
  const fix = error instanceof ApiProblem ? error.fix : null;
  return (
    <EmptyState
      title={error instanceof ApiProblem ? "The controller refused" : "The controller does not answer"}
    >
      {message}
      {fix === null ? "" : `; ${fix}`}
      <br />
      <Button variant="light" size="xs" mt="md" onClick={() => router.invalidate()}>
        Try again
      </Button>
    </EmptyState>
  );
}
