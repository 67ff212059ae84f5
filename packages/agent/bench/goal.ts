/** A figure beside its goal, as `make bench` collects them for its table: `» WHAT: VALUE UNIT of GOAL · more`. */
export function formatGoal(what: string, value: number, goal: number, more: string, unit = "×"): string {
  const digits = unit === "×" ? 3 : 2;
  return `» ${what}: ${value.toFixed(digits)} ${unit} of ${goal}${more === "" ? "" : ` · ${more}`}`;
}
