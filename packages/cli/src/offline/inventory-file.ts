import { readFileSync } from "node:fs";
import { type Problem, type Workload, workload } from "@ringwall/model";
import { parsePolicy } from "@ringwall/policy";
import { Failure, failure } from "../failure.ts";

/** Reads Workload documents, YAML or NDJSON. Throws Failure with all problems. */
export function loadInventory(file: string): readonly Workload[] {
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw failure(
      "unreadable-input",
      `cannot read \`${file}\`: ${(error as NodeJS.ErrnoException).code}`,
      "check the path",
    );
  }
  if (text.trimStart().startsWith("{")) return parseLines(file, text);
  const parsed = parsePolicy([{ file, text }]);
  if (!parsed.ok) throw new Failure(parsed.error);
  return parsed.value.workloads;
}

function parseLines(file: string, text: string): readonly Workload[] {
  const problems: Problem[] = [];
  const workloads: Workload[] = [];
  text.split("\n").forEach((line, index) => {
    if (line.trim() === "") return;
    const place = { file, line: index + 1, column: 1 };
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      problems.push({
        code: "bad-record",
        severity: "error",
        message: "not JSON",
        fix: "write one Workload per line",
        place,
      });
      return;
    }
    const parsed = workload.safeParse(value);
    if (parsed.success) workloads.push(parsed.data);
    else {
      const [issue] = parsed.error.issues;
      const message = `${issue?.path.join(".")}: ${issue?.message}`;
      problems.push({
        code: "bad-record",
        severity: "error",
        message,
        fix: "write Workload documents only",
        place,
      });
    }
  });
  if (problems.length > 0) throw new Failure(problems.slice(0, 20));
  return workloads;
}
