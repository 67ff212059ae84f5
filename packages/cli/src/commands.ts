import type { Register } from "./run.ts";

type Module = { readonly register: Register };

/** Headings of `ringwall --help`, in order. */
export type Group =
  | "Start here:"
  | "Look:"
  | "Change what is enforced:"
  | "On files, without a controller:"
  | "Run the parts:";

/**
 * One command. Where a command works on files as well as through the controller, both modules register the same name,
 * and the presence of one of `onFiles.options` among the arguments decides which of them is meant.
 */
export type CommandEntry = {
  readonly group: Group;
  readonly load: () => Promise<Module>;
  readonly onFiles?: { readonly load: () => Promise<Module>; readonly options: readonly string[] };
};

/** Every command, in the order of the help. A new command is a module that exports `register`, and a line here. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  up: { group: "Start here:", load: () => import("./local/up.ts") },
  status: { group: "Start here:", load: () => import("./online/status.ts") },
  "sign-in": { group: "Start here:", load: () => import("./online/sign-in.ts") },
  get: { group: "Look:", load: () => import("./online/get.ts") },
  drill: { group: "Look:", load: () => import("./online/drill.ts") },
  draft: { group: "Look:", load: () => import("./online/draft.ts") },
  learn: {
    group: "Change what is enforced:",
    load: () => import("./online/learn.ts"),
    onFiles: { load: () => import("./offline/learn.ts"), options: ["--flows"] },
  },
  review: {
    group: "Change what is enforced:",
    load: () => import("./online/review.ts"),
    onFiles: { load: () => import("./offline/review.ts"), options: ["--policy"] },
  },
  drift: {
    group: "Look:",
    load: () => import("./online/drift.ts"),
    onFiles: { load: () => import("./offline/drift.ts"), options: ["--policy", "--flows"] },
  },
  apply: { group: "Change what is enforced:", load: () => import("./online/apply.ts") },
  simulate: {
    group: "Change what is enforced:",
    load: () => import("./online/simulate.ts"),
    onFiles: { load: () => import("./offline/simulate.ts"), options: ["--policy", "--flows"] },
  },
  shadow: { group: "Change what is enforced:", load: () => import("./online/shadow.ts") },
  provision: { group: "Change what is enforced:", load: () => import("./online/provision.ts") },
  confirm: { group: "Change what is enforced:", load: () => import("./online/confirm.ts") },
  mode: { group: "Change what is enforced:", load: () => import("./online/mode.ts") },
  rollback: { group: "Change what is enforced:", load: () => import("./online/rollback.ts") },
  label: { group: "Change what is enforced:", load: () => import("./online/label.ts") },
  pause: { group: "Change what is enforced:", load: () => import("./online/pause.ts") },
  resume: { group: "Change what is enforced:", load: () => import("./online/resume.ts") },
  forget: { group: "Change what is enforced:", load: () => import("./online/forget.ts") },
  check: { group: "On files, without a controller:", load: () => import("./offline/check.ts") },
  decide: { group: "On files, without a controller:", load: () => import("./offline/decide.ts") },
  explain: { group: "On files, without a controller:", load: () => import("./offline/explain.ts") },
  diff: { group: "On files, without a controller:", load: () => import("./offline/diff.ts") },
  export: { group: "On files, without a controller:", load: () => import("./offline/export.ts") },
  import: { group: "On files, without a controller:", load: () => import("./offline/import.ts") },
  controller: { group: "Run the parts:", load: () => import("./local/controller.ts") },
  agent: { group: "Run the parts:", load: () => import("./local/agent.ts") },
  token: { group: "Run the parts:", load: () => import("./online/token.ts") },
};
