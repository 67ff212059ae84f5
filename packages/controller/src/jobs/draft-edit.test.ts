import { expect, test } from "vitest";
import { parseDraft, resourcesOfDraft } from "./draft.ts";
import { draftEdit, EDIT_NAMES_MAX } from "./draft-edit.ts";

const segment = (name: string, label = "web") =>
  `apiVersion: ringwall.dev/v1\nkind: Segment\nmetadata: { name: ${name} }\nspec: { workloads: { role: ${label} }, mode: observe }\n`;
const drafted = (...texts: string[]) =>
  resourcesOfDraft(parseDraft([{ file: "a.yaml", text: texts.join("---\n") }]));

test("an edit is told by the resources that came, changed and went; comments and order are none", () => {
  const before = drafted(segment("a"), segment("b"), segment("c"));
  expect(draftEdit(before, drafted("# new\n", segment("c"), segment("b", "db"), segment("d")), 7)).toEqual({
    revision: 7,
    added: ["Segment/d"],
    changed: ["Segment/b"],
    removed: ["Segment/a"],
  });
  expect(draftEdit([], before, 0).added).toEqual(["Segment/a", "Segment/b", "Segment/c"]);
});

test("more names than the audit takes are counted", () => {
  const many = Array.from({ length: EDIT_NAMES_MAX + 3 }, (_, i) => segment(`s-${i}`));
  const { added } = draftEdit([], drafted(...many), 0);
  expect([added.length, added.at(-1)]).toEqual([EDIT_NAMES_MAX + 1, "and 3 more"]);
});
