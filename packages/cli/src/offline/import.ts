import type { Resource } from "@ringwall/model";
import type { Command } from "commander";
import { Failure, failure } from "../failure.ts";
import { note, say } from "../output/print.ts";
import { run } from "../run.ts";

export function register(program: Command): void {
  program
    .command("import")
    .description("policies and workloads from another system: kubernetes")
    .argument("<system>", "kubernetes")
    .argument("<files...>", "manifests, or folders of them; `-` is standard input")
    .requiredOption("-o, --output <dir>", "a folder for the resources, or `-` for standard output")
    .action(run(importFiles));
}

async function importFiles(
  system: string,
  files: readonly string[],
  options: { readonly output: string },
): Promise<0> {
  if (system !== "kubernetes")
    throw failure("unknown-system", `\`${system}\` can't be imported`, "systems: kubernetes");
  const { formatResources, importKubernetes } = await import("@ringwall/policy");
  const { loadTextFiles } = await import("./text-files.ts");
  const imported = importKubernetes(loadTextFiles(files));
  if (!imported.ok) throw new Failure(imported.error);
  if (imported.value.length === 0)
    throw failure(
      "nothing-to-import",
      "these files hold no NetworkPolicy and nothing that runs",
      "name Kubernetes manifests, as `kubectl get -A -o yaml networkpolicies,pods,namespaces` prints them",
    );
  const ofKind = (kind: Resource["kind"]) => imported.value.filter((one) => one.kind === kind);
  if (options.output === "-") {
    say(formatResources(imported.value).trimEnd());
    return 0;
  }
  const { writeFolder } = await import("./write-folder.ts");
  const parts = (["Workload", "Segment", "Policy"] as const).map((kind) => ({
    path: FILE_OF[kind],
    list: ofKind(kind),
  }));
  const written = parts.filter(({ list, path }) => list.length > 0 || path === MARK);
  writeFolder(
    options.output,
    written.map(({ path, list }) => ({ path, text: formatResources(list) })),
    MARK,
  );
  note(
    `${parts.map(({ path, list }) => `${list.length} ${path.replace(".yaml", "")}`).join(", ")} in \`${options.output}\``,
  );
  return 0;
}

const MARK = "workloads.yaml";
const FILE_OF = { Workload: MARK, Segment: "segments.yaml", Policy: "policies.yaml" } as const;
